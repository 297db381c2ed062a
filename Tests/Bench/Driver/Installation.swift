import Glibc
import Kernel
import Model

/// Gets the peers from Debian and from PyPI.
struct Installation {
  private static let hosts = [("nodejs", "/usr/bin/node"), ("python3-venv", "/usr/bin/python3")]
  private static let supervisors = [
    ("supervisor", "/usr/bin/supervisord"), ("s6", "/usr/bin/s6-svscan"), ("runit", "/usr/bin/runsvdir"),
    ("task-spooler", "/usr/bin/tsp"), ("parallel", "/usr/bin/parallel"),
  ]
  private static let patience = TimeSpan.seconds(600)

  let workshop: Workshop

  /// Installs what is missing. What cannot be had is told by who needs it, and does not keep others from being measured.
  func perform(forSupervisors: Bool) {
    let packages = Self.hosts + (forSupervisors ? Self.supervisors : [])
    let missing = packages.filter { access($0.1, X_OK) != 0 }.map(\.0)
    if !missing.isEmpty {
      attempt("/usr/bin/apt-get", ["update", "-q"])
      // One by one: one that is not to be had is no reason to do without the others. Without recommendations runit
      // brings programs only, and does not become the machine's init.
      for package in missing { attempt("/usr/bin/apt-get", ["install", "-yq", "--no-install-recommends", package]) }
    }
    if forSupervisors, access("\(workshop.venv)/bin/circusd", X_OK) != 0 {
      attempt(workshop.python, ["-m", "venv", workshop.venv])
      attempt("\(workshop.venv)/bin/pip", ["install", "-q", "circus"])
    }
  }

  /// Why this program's figures cannot be had; nil when they can.
  static func absence(_ program: String) -> String? {
    access(program, X_OK) == 0 ? nil : "\(program) is not here and could not be installed"
  }

  private func attempt(_ program: String, _ arguments: [String]) {
    Progress.say("\(program) \(arguments.joined(separator: " "))")
    do {
      try workshop.start(program, arguments, environment: environment, streams: []).wait(within: Self.patience)
    } catch {
      Progress.say("  FAILED: \(error)")
    }
  }

  private var environment: [String: String] {
    ProcessEnvironment.current().merging(["DEBIAN_FRONTEND": "noninteractive"]) { $1 }
  }
}
