internal import Glibc
internal import Kernel
public import Model
public import Plugins
internal import Supervision
internal import Wire

/// Looks whether a plugin will do: what its manifest makes of a request, and, by its `check`, whether its program answers.
public struct PluginCheck: Sendable {
  /// A program that has not told its version by then is waiting for something.
  private static let patience = "20s"
  /// More than this is no version.
  private static let mostOutput = "1MiB"
  private static let samplePrompt = "Say hello."

  private let manifest: Manifest
  private let surroundings: Surroundings
  private var granted: [String] { surroundings.configuration.granted(to: manifest.name) }

  /// What a plugin is called in.
  public struct Surroundings: Sendable {
    let environment: [String: String]
    let directory: String
    let statePath: String
    let configuration: Configuration

    /// The caller's environment, the directory it would work in, and what the user has configured.
    public init(
      environment: [String: String], directory: String, statePath: String, configuration: Configuration
    ) {
      self.environment = environment
      self.directory = directory
      self.statePath = statePath
      self.configuration = configuration
    }
  }

  /// One for this plugin.
  public init(_ manifest: Manifest, _ surroundings: Surroundings) {
    self.manifest = manifest
    self.surroundings = surroundings
  }

  /// What is to be said of a plugin that is there and cannot be had.
  public static func finding(of error: PluginError) -> Doctor.Finding {
    Doctor.Finding("manifest", .broken, error.message)
  }

  // MARK: - The manifest

  /// What can be found out without starting anything.
  public func examine() -> [Doctor.Finding] {
    var findings = [
      Doctor.Finding("manifest", .fine, "\(manifest.file), version \(manifest.version)"), program(), variables(),
      rehearsal("command", request(prompt: Self.samplePrompt)),
    ]
    if manifest.resumes {
      var request = request(prompt: Self.samplePrompt)
      request.session = "SESSION"
      findings.append(rehearsal("resume", request))
    } else {
      findings.append(Doctor.Finding("resume", .fine, "it cannot go on with a session"))
    }
    return findings + [longPrompt(), limits()]
  }

  private func program() -> Doctor.Finding {
    do throws(PluginError) {
      try Preparation.checkProgram(of: manifest, path: surroundings.environment["PATH"])
      return Doctor.Finding("program", .fine, try prepare(request(prompt: "")).program)
    } catch {
      return Doctor.Finding("program", .broken, error.message, remedy: "install it, or correct the PATH or “command”")
    }
  }

  private func variables() -> Doctor.Finding {
    let preview = manifest.preview(of: surroundings.environment, granted: granted)
    guard preview.missing.isEmpty else {
      let names = preview.missing.joined(separator: ", ")
      return Doctor.Finding("environment", .broken, "it requires \(names)", remedy: "set \(names)")
    }
    return Doctor.Finding(
      "environment", .fine, "\(preview.passed.count) variables are passed, \(preview.dropped.count) are not")
  }

  /// What a request would be started as.
  private func rehearsal(_ subject: String, _ request: RunRequest) -> Doctor.Finding {
    do throws(PluginError) {
      let prepared = try prepare(request)
      // That the program itself is not there was said; another one may be named here.
      guard prepared.arguments[0] == manifest.program || access(prepared.program, X_OK) == 0 else {
        return Doctor.Finding(subject, .broken, "\(prepared.program) is not there, or cannot be executed")
      }
      return Doctor.Finding(subject, .fine, words(of: prepared))
    } catch {
      return Doctor.Finding(subject, .broken, error.message)
    }
  }

  private func longPrompt() -> Doctor.Finding {
    let subject = "long prompt"
    do throws(PluginError) {
      let prepared = try prepare(request(prompt: String(repeating: "x", count: 128 * 1024)))
      return Doctor.Finding(
        subject, .fine,
        prepared.isPromptInFile ? "over 128 KiB it goes as a file: \(words(of: prepared))" : "it takes no prompt")
    } catch {
      // What else is wrong with it is said where the command is.
      return Doctor.Finding(
        subject, .weak, error.code == .promptTooLarge ? "over 128 KiB it is refused" : error.message,
        remedy: error.code == .promptTooLarge ? "let “command” name {prompt_file}, if the agent can read a file" : nil)
    }
  }

  private func limits() -> Doctor.Finding {
    do throws(PluginError) {
      let limits = try prepare(request(prompt: "")).limits
      let texts = LimitName.allCases.map { name in
        let origin = limits[name].origin
        return "\(name.rawValue) \(limits.text(name))" + (origin == .default ? "" : " (\(origin.rawValue))")
      }
      return Doctor.Finding("limits", .fine, texts.joined(separator: ", "))
    } catch {
      return Doctor.Finding("limits", error.code == .badLimit ? .broken : .weak, error.message)
    }
  }

  // MARK: - The program

  /// The run that asks the program for its version, like any other run; nil when it says nothing of one, or is not there.
  public var probe: RunRequest? {
    guard manifest.probe != nil else { return nil }
    var request = request(prompt: nil)
    request.isProbe = true
    request.limits = [("wall", Self.patience), ("output", Self.mostOutput)]
    request.labels = [("reeve", "check")]
    guard let prepared = try? prepare(request), access(prepared.program, X_OK) == 0 else { return nil }
    return request
  }

  /// What came of it. `said` is what its program wrote.
  public func findings(of run: RunRecord, said: String) -> [Doctor.Finding] {
    let line = said.split(whereSeparator: \.isNewline).first.map { String($0.prefix(200)) } ?? "it says nothing"
    let input = "what it reads is empty (/dev/null), as in every run"
    switch run.status {
    case .succeeded:
      return [Doctor.Finding("check", .fine, line), Doctor.Finding("input", .fine, "\(input), and it ended by itself")]
    case .timedOut:
      return [
        Doctor.Finding(
          "check", .broken, "it did not end within \(Self.patience) (run \(run.id))",
          remedy: "see what it waits for: \((manifest.check ?? []).joined(separator: " "))"
        ),
        Doctor.Finding("input", .broken, "\(input), and still it seems to wait for something"),
      ]
    case .failed, .cancelled, .outOfMemory, .lost, .queued, .starting, .running:
      let status = [run.status.rawValue, run.reason].compactMap { $0 }.joined(separator: "/")
      return [
        Doctor.Finding(
          "check", .broken, "\(status): \(run.error ?? line)", remedy: "reeve show \(run.id) tells the rest")
      ]
    }
  }

  /// What is to be said where it could not even be tried.
  public func findings(ofFailure message: String) -> [Doctor.Finding] {
    [Doctor.Finding("check", .broken, message, remedy: "reeve doctor tells more")]
  }

  /// What is to be said where nothing was run.
  public func findingsWithoutProbe() -> [Doctor.Finding] {
    guard manifest.probe == nil else { return [] }
    return [
      Doctor.Finding(
        "check", .weak, "the manifest names no “check”: whether the program works is seen only in a run",
        remedy: "add \"check\": [PROGRAM, \"--version\"]")
    ]
  }

  // MARK: - Means

  private func request(prompt: String?) -> RunRequest {
    // What it requires and has not is said once.
    var environment = surroundings.environment
    for name in manifest.preview(of: environment, granted: granted).missing { environment[name] = "" }
    var request = RunRequest(plugin: manifest.name, directory: surroundings.directory, environment: environment)
    request.prompt = prompt
    return request
  }

  private func prepare(_ request: RunRequest) throws(PluginError) -> Preparation {
    var names = IdentifierSource<RunSubject>()
    return try Preparation(
      request, manifest: try manifest.serving(request), run: names.next(at: 0),
      promptFile: "\(surroundings.statePath)/runs/RUN/\(RunFile.prompt)",
      standards: Host.standards(at: CgroupPlaces.current()), user: surroundings.configuration.limits, granted: granted,
      needsProgram: false)
  }

  /// Its words as JSON: exact, whatever is in them.
  private func words(of prepared: Preparation) -> String {
    JSON.array(([prepared.program] + prepared.arguments.dropFirst()).map { .string($0) }).text
  }
}
