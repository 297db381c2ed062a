/// Figures that are measured together, by several contestants in turn.
struct Contest {
  /// What `--only` knows it by.
  let name: String
  /// The figures that each contestant gives, in this order.
  let figures: [Figure]
  /// The contestant whose rounds tell whether the machine was calm: it does the least by itself.
  let reference: String
  /// Who takes part; the first is Reeve.
  let contestants: [Contestant]
  /// The most rounds that make sense for it.
  var mostRounds = Int.max
  /// Whether it writes so much that a disk would be full in the end: then what was written is removed after each round.
  var leavesMuch = false
}

/// One who is measured.
struct Contestant {
  let name: String
  /// Why it cannot be measured here.
  var absence: String?
  /// The figures of one round; nil where it has none, and as many as it has.
  let measure: () throws -> [Double?]

  init(_ name: String, absence: String? = nil, _ measure: @escaping () throws -> [Double?]) {
    self.name = name
    self.absence = absence
    self.measure = measure
  }
}

/// What is measured, and what Reeve is to reach.
struct Figure {
  let name: String
  let title: String
  let unit: String
  /// How many digits behind the point make sense.
  var digits = 0
  var goals: [Goal] = []
}

/// What Reeve is to reach in a figure.
enum Goal {
  /// So many times what another reaches, where more is better.
  case atLeast(Double, of: String)
  /// So many times what another takes, and so much more.
  case atMost(Double, of: String, plus: Double)
  /// No more than this, whatever others do.
  case below(Double)
}
