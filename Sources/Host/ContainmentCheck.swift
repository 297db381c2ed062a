internal import Glibc
internal import Kernel
internal import Model
internal import Plugins

/// Finds out what a host could hold its runs with, by holding a program with it.
enum ContainmentCheck {
  /// How long the program may take.
  private static let patience = TimeSpan.seconds(5)

  static func findings() -> [Doctor.Finding] {
    let places = CgroupPlaces.current()
    // No process is moved: what would need that is found out when a host begins.
    let host = HostGroups(named: "reeve-doctor-\(getpid())", places: places, movable: [])
    defer { host.remove() }
    let available = MachineMemory.available(at: places)
    let trial = attempt(in: host, memory: available / 2)
    func reason(_ subject: HostGroups.Finding.Subject) -> HostGroups.Finding? {
      host.findings.first { $0.subject == subject }
    }
    let containment = trial.containment
    let why = [trial.trouble, reason(.unified)?.reason].compactMap { $0 }.first
    var findings = [
      Doctor.Finding(
        "containment", containment == .cgroup2 ? .fine : .weak,
        containment.rawValue + (containment == .cgroup2 ? "" : why.map { ": \($0)" } ?? ""),
        remedy: containment == .cgroup2 ? nil : reason(.unified)?.remedy)
    ]
    findings.append(
      limit(
        "memory", trial.memory, reason(.memory),
        note: "; a run may use \((available / 2) >> 20) MiB where nobody says otherwise"))
    findings.append(limit("tasks", trial.tasks, reason(.pids), note: ""))
    return findings
  }

  private static func limit(
    _ subject: String, _ version: CgroupVersion?, _ finding: HostGroups.Finding?, note: String
  ) -> Doctor.Finding {
    guard let version else {
      let why = finding.map { ": \($0.reason)" } ?? ""
      return Doctor.Finding(subject, .weak, "sampled\(why)\(note)", remedy: finding?.remedy)
    }
    return Doctor.Finding(subject, .fine, "enforced by the kernel (cgroup\(version.rawValue))\(note)")
  }

  private struct Trial {
    var containment = Containment.subreaper
    var memory: CgroupVersion?
    var tasks: CgroupVersion?
    /// Why the groups that could be made are of no use.
    var trouble: String?
  }

  private static func attempt(in host: borrowing HostGroups, memory: Int64) -> Trial {
    let name = "trial"
    var trial = Trial()
    do throws(SystemError) {
      let groups = try RunGroups(named: name, in: host, memory: memory, tasks: 64)
      defer { _ = RunGroups.remove(named: name, from: host) }
      if let trouble = try launch(in: groups) {
        trial.trouble = trouble
        return trial
      }
      trial.memory = groups.enforcesMemory
      trial.tasks = groups.enforcesTasks
      if groups.birthplace != nil {
        trial.containment = .cgroup2
      } else if !groups.joined.isEmpty {
        trial.containment = .cgroup1
      }
    } catch {
      trial.trouble = "\(error)"
    }
    return trial
  }

  /// Starts a program that ends at once; says why it could not be started.
  private static func launch(in groups: borrowing RunGroups) throws(SystemError) -> String? {
    let nowhere = try Descriptor.open("/dev/null", flags: O_RDWR)
    var request = try LaunchRequest(
      program: "/proc/self/exe", arguments: ["version"], environment: [], directory: "/", standardInput: nowhere.raw,
      standardOutput: nowhere.raw, standardError: nowhere.raw)
    request.cgroup = groups.birthplace
    request.joinedCgroups = groups.joined
    switch request.perform(in: try LaunchSlot()) {
    case .failed(let failure): return failure.message
    case .started(let launched):
      let process = launched.claim()
      if !process.descriptor.isReadable(within: patience) { try process.send(SIGKILL) }
      while try process.reap() == nil { usleep(1000) }
      return nil
    }
  }
}
