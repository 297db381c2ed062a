import Model
import Supervision

/// Feeds events to a machine and keeps what it asked for.
struct Driver: ~Copyable {
  var machine: RunMachine
  var now = Instant(nanoseconds: 1_000_000_000)
  var verdicts: [Verdict] = []
  var flags: Flags = []
  var orders: [Actions.TreeOrder] = []
  var endings: [Actions.Ending] = []

  init(terms: Terms = Terms()) { machine = RunMachine(terms: terms) }

  mutating func apply(_ event: (inout RunMachine, Instant) -> Actions) {
    let actions = event(&machine, now)
    if let verdict = actions.settle { verdicts.append(verdict) }
    flags.formUnion(actions.flags)
    if let order = actions.tree { orders.append(order) }
    if let ending = actions.ending { endings.append(ending) }
  }

  /// Lets time pass until this timer fires; those that are due before it fire too.
  mutating func fire(_ timer: TimerName) {
    now = machine.timers[timer]
    apply { $0.timerFired(at: $1) }
  }
}
