internal import CLinux
internal import Glibc
internal import Synchronization

/// The steps of a run at which a test can have things go wrong: `REEVE_FAULT` names one, and what is to happen there.
///
/// `REEVE_FAULT=settle=kill` kills the host when it is about to record a verdict, `settle=kill-both` its guardian as
/// well, and `settle=error` has the step fail. `commit@3=kill` means the third time that the step is taken. Where the
/// variable is not set, a step costs one comparison. docs/testing.md lists them for people.
public enum FaultPoint: String, CaseIterable, Sendable {
  /// Its row is about to be written.
  case row
  /// Its row is there.
  case rowed
  /// Its control groups are about to be made.
  case group
  /// Its control groups are there.
  case grouped
  /// Its program is about to be launched.
  case clone
  /// Its program runs, and nobody has noted who it is.
  case cloned
  /// Its identity is on its way to the ledger.
  case identity
  /// The ledger knows who its program is.
  case identified
  /// Its agent has written something.
  case event
  /// Its agent has said how its work went.
  case word
  /// Its verdict is about to be recorded.
  case settle
  /// Its verdict is on its way to the ledger.
  case settled
  /// The ledger is about to commit.
  case commit
  /// The ledger has committed, and nobody has heard of it.
  case committed
  /// Its verdict is about to be announced.
  case announce
  /// Its tree is about to be told to stop.
  case stop
  /// Its tree is about to be killed.
  case kill
  /// Nothing of it is left, and what was held for it is about to be given back.
  case release
  /// What was held for it is given back.
  case released
  /// A dead host's lock was taken.
  case takeover
  /// A dead host's spill was replayed.
  case replayed
  /// A dead host's run is about to be judged.
  case judge
  /// A dead host's run was judged; what is left of it is about to be killed.
  case judged
  /// What was left of a dead host's runs is gone, and nobody has noted it.
  case buried

  private enum Effect: String {
    case kill
    case killBoth = "kill-both"
    case error
  }

  private struct Fault: Sendable {
    let point: FaultPoint
    let effect: Effect
    let turn: Int
  }

  private static let chosen: Fault? = {
    guard let variable = getenv("REEVE_FAULT") else { return nil }
    let parts = String(cString: variable).split(separator: "=")
    guard parts.count == 2, let effect = Effect(rawValue: String(parts[1])) else { return nil }
    let place = parts[0].split(separator: "@")
    guard let name = place.first, let point = FaultPoint(rawValue: String(name)) else { return nil }
    return Fault(point: point, effect: effect, turn: place.count > 1 ? Int(place[1]) ?? 1 : 1)
  }()

  private static let turns = Atomic<Int>(0)

  /// The step is taken. Returns, unless a test wants it otherwise.
  public func pass() throws(SystemError) {
    guard let fault = Self.chosen, fault.point == self else { return }
    guard Self.turns.add(1, ordering: .relaxed).newValue == fault.turn else { return }
    switch fault.effect {
    case .error: throw SystemError(call: "fault", code: EIO, detail: rawValue)
    case .killBoth:
      // Stopped first: it does not hear of our end.
      if Guardian.isStanding {
        Glibc.kill(getppid(), SIGSTOP)
        Glibc.kill(getppid(), SIGKILL)
      }
      Glibc.kill(getpid(), SIGKILL)
    case .kill: Glibc.kill(getpid(), SIGKILL)
    }
    // Killed, this thread may still get so far.
    while true { pause() }
  }
}
