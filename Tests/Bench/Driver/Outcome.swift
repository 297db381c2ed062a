/// What came of a contest: what each contestant measured in each round.
struct Outcome {
  let contest: Contest
  /// By contestant, then by round, then by figure.
  var samples: [[[Double?]]]
  /// Why a contestant has no figures, or too few.
  var failures: [String?]
  /// Why the figures should not be trusted.
  var noise: [String] = []

  init(_ contest: Contest) {
    self.contest = contest
    samples = contest.contestants.map { _ in [] }
    failures = contest.contestants.map(\.absence)
  }

  /// What a contestant measured of a figure, a value a round.
  func series(_ contestant: Int, _ figure: Int) -> Series? {
    Series(rounds(contestant, figure).compactMap { $0 })
  }

  /// The same by round; one who has no more figures leaves the rest out.
  func rounds(_ contestant: Int, _ figure: Int) -> [Double?] {
    samples[contestant].map { figure < $0.count ? $0[figure] : nil }
  }

  func series(of name: String, _ figure: Int) -> Series? {
    contest.contestants.firstIndex { $0.name == name }.flatMap { series($0, figure) }
  }

  /// Whether Reeve reaches a goal; nil when that was not measured.
  func meets(_ goal: Goal, _ figure: Int) -> Bool? {
    guard let own = series(0, figure)?.median else { return nil }
    switch goal {
    case .atLeast(let factor, let other): return series(of: other, figure).map { own >= factor * $0.median }
    case .atMost(let factor, let other, let plus):
      return series(of: other, figure).map { own <= factor * $0.median + plus }
    case .below(let value): return own <= value
    }
  }

  /// What the reference's rounds say about the machine.
  mutating func judgeSpread() {
    for (index, figure) in contest.figures.enumerated() {
      guard let series = series(of: contest.reference, index), series.spread > Noise.widestSpread else { continue }
      let percent = Figures.plain((series.spread - 1) * 100, digits: 0)
      noise.append("\(figure.name): the rounds of \(contest.reference) lie \(percent) % apart")
    }
  }
}

/// The values of some rounds, in order of size; never empty.
struct Series {
  let values: [Double]

  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    self.values = values.sorted()
  }

  var median: Double { quantile(0.5) }
  var lowest: Double { values[0] }
  var highest: Double { values[values.count - 1] }

  /// What so large a part of them is no larger than; between two of them it is interpolated.
  func quantile(_ part: Double) -> Double {
    let place = part * Double(values.count - 1)
    let below = Int(place)
    let above = min(below + 1, values.count - 1)
    return values[below] + (values[above] - values[below]) * (place - Double(below))
  }

  /// How many times as large the large ones are as the small ones.
  var spread: Double {
    let small = quantile(0.1)
    return small > 0 ? quantile(0.9) / small : 1
  }
}
