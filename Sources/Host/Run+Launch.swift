internal import Dialects
internal import Glibc
internal import Kernel
internal import Ledger
internal import Loop
internal import Model
internal import Plugins
internal import Supervision

extension Run {
  /// A pipe of this size takes three times as much as one of the usual 64 KiB, when there is much to take.
  static let outputPipeBytes: Int32 = 256 * 1024
  /// How much sooner than anything of the user's the kernel kills an agent when memory runs out.
  static let outOfMemoryScore: Int32 = 500

  func launch() {
    // What the user has trusted may have changed while the run waited.
    if hasWaited, let seal = preparation.manifest.seal { verify(seal) } else { make() }
  }

  /// Looks at a project's plugin once more: what is run is what was trusted, and what the run was accepted with.
  private func verify(_ seal: String) {
    isVerifying = true
    host.findPlugin(of: preparation.request) { [weak self] result in
      guard let self, isVerifying else { return }
      isVerifying = false
      do {
        guard try result.get().seal != seal else { return make() }
        let name = preparation.manifest.name
        refuseLaunch(
          "the plugin “\(name)” has changed while this run waited; start it again for the plugin as it is now")
      } catch {
        refuseLaunch("\(error)")
      }
    }
  }

  private func refuseLaunch(_ why: String) {
    record.error = why
    note(step: "verify", error: EPERM)
    perform(machine.spawnFailed())
    watchClock()
    forgetIfDone()
  }

  /// Makes what the program needs, and has it started.
  private func make() {
    do {
      try FaultPoint.group.pass()
      try writePrompt()
      let output = try Pipe.make(readsBlock: false)
      let errors = try Pipe.make(readsBlock: false)
      hasLargePipe = host.takeLargePipe()
      // A pipe of the usual size is only slower: no reason to fail.
      if hasLargePipe { _ = try? output.reader.resizePipe(to: Self.outputPipeBytes) }
      pipes = LaunchPipes(output: output, errors: errors)
      confine()
      try FaultPoint.grouped.pass()
      host.keep(preparation.manifest.dialect)
      try startProgram()
    } catch {
      pipes = nil
      removeGroups()
      record.error = "the program could not be started: \(error)"
      note(step: "\(error.call)", error: error.code)
      perform(machine.spawnFailed())
    }
  }

  /// Before the program, which is told where it lies. Its size is bounded, and a file that was just made is written to
  /// the page cache: the loop can do it.
  private func writePrompt() throws(SystemError) {
    guard preparation.isPromptInFile, let prompt = preparation.request.prompt else { return }
    try folder.create(RunFile.prompt).writeAll(Array(prompt.utf8).span.bytes)
  }

  private func startProgram() throws(SystemError) {
    guard let output = pipes?.output.writer.raw, let errors = pipes?.errors.writer.raw else { return }
    var request = try LaunchRequest(
      program: preparation.program, arguments: Array(preparation.arguments.dropFirst()),
      environment: preparation.environment, directory: preparation.request.directory,
      standardInput: host.nowhere.raw, standardOutput: output, standardError: errors)
    request.outOfMemoryScore = Self.outOfMemoryScore
    request.openFiles = host.originalFileLimit
    request.mayGainPrivileges = preparation.manifest.privileges == .mayGain
    // What runs as somebody else may not be ours to signal, nor to look at.
    if request.mayGainPrivileges { record.flags.insert(.containmentWeak) }
    request.cgroup = groups?.birthplace
    request.joinedCgroups = groups?.joined ?? []
    try watchMemory()
    try FaultPoint.clone.pass()
    host.launcher.launch(request, for: self)
  }

  private func note(step: String, error: Int32) {
    record.startFailure = StartFailure(
      step: step, error: SystemError.symbol(error), path: secrets.masked(preparation.program))
  }

  func launched(_ outcome: LaunchOutcome) {
    switch outcome {
    case .started(let launched): started(launched)
    case .failed(let failure) where failure.isAboutGroups && groups != nil && !verdictIsGiven:
      // Somebody has taken the groups away, or the kernel's leave to enter them. The run itself is none the worse.
      log("run \(record.id) goes without control groups: \(failure.message)")
      unconfine()
      do { try startProgram() } catch { launched(.failed(failure)) }
    case .failed(let failure):
      pipes = nil
      removeGroups()
      record.error = record.error ?? failure.message
      note(step: failure.step.rawValue, error: failure.error)
      perform(machine.spawnFailed())
    }
    watchClock()
    forgetIfDone()
  }

  private func started(_ launched: LaunchedProcess) {
    record.pid = launched.pid
    record.started = host.wallTime
    // A name that we have chosen is that of a session only now.
    record.session = record.session ?? preparation.session
    record.startTicks = (try? ProcessTable.stat(launched.pid)).flatMap { $0 }.map { Int64($0.startTicks) }
    do {
      process = try Watched(launched.claim(), tag: Tag.exit, source: self)
    } catch {
      pipes = nil
      fault(error)
      host.adopt(launched.pid)
      return perform(machine.spawnFailed())
    }
    _ = succeeds(at: .cloned)
    let actions = machine.spawned(at: Loop.shared.now)
    if !verdictIsGiven {
      let status = record.status
      record.status = .running
      record.disposal = machine.disposal
      send(.change(record, from: status, evidence: nil))
      _ = succeeds(at: .identity)
    }
    perform(actions)
    if isSilentlyRefusedTasks { host.beat() }
    watchPipes()
    beginSampling()
  }

  /// Only now: what the program says before it is known to run would come before its beginning.
  private func watchPipes() {
    guard let pipes = pipes.take() else { return }
    do {
      output = try Watched(pipes.output.reader, tag: Tag.output, source: self)
      errors = try Watched(pipes.errors.reader, tag: Tag.errors, source: self)
    } catch {
      fault(error)
    }
  }

  func launchStalled() {
    record.error = record.error ?? "the program did not begin within \(Launcher.patience.milliseconds / 1000) s"
    // A child that has not come to say who it is can only be found by the group that it was born into.
    _ = groups?.kill()
    perform(machine.launchStalled())
    watchClock()
  }

  func launchAbandoned() {
    perform(machine.launchAbandoned())
    watchClock()
  }
}

extension LaunchFailure {
  /// Whether it was the control groups that the child could not be put into.
  fileprivate var isAboutGroups: Bool {
    step == .cgroup || (step == .clone && [EACCES, EPERM, EBUSY, ENOENT, ENODEV, EOPNOTSUPP].contains(error))
  }
}
