import Wire

/// The outcomes as a table in Markdown, and as JSON.
struct Table {
  let outcomes: [Outcome]

  /// A row for each figure of each contestant; what is wrong with a row stands below it.
  var markdown: String {
    var lines = [
      "| what | who | median | lowest – highest | Reeve against it | goal |",
      "|---|---|--:|--:|--:|---|",
    ]
    for outcome in outcomes {
      for (index, figure) in outcome.contest.figures.enumerated() {
        lines += rows(outcome, figure, index)
      }
      for (contestant, failure) in zip(outcome.contest.contestants, outcome.failures) {
        if let failure { lines.append("| | \(contestant.name) | **not measured** | | | \(cell(failure)) |") }
      }
      if !outcome.noise.isEmpty {
        lines.append("| | **too noisy** | | | | \(cell(outcome.noise.joined(separator: "; "))) |")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func rows(_ outcome: Outcome, _ figure: Figure, _ index: Int) -> [String] {
    let own = outcome.series(0, index)?.median
    var title = "\(figure.title), \(figure.unit)"
    return outcome.contest.contestants.indices.compactMap { contestant in
      guard let series = outcome.series(contestant, index) else { return nil }
      let name = outcome.contest.contestants[contestant].name
      let range = [series.lowest, series.highest].map { Figures.text($0, digits: figure.digits) }
      let ratio = own.flatMap { contestant > 0 && series.median > 0 ? Figures.ratio($0 / series.median) : nil }
      let goals = figure.goals.filter { $0.concerns(name, isReeve: contestant == 0) }.map { goal in
        let word = outcome.meets(goal, index).map { $0 ? "met" : "**not met**" } ?? "not measured"
        return "\(goal.text(unit: figure.unit)): \(word)"
      }
      defer { title = "" }
      return "| \(title) | \(name) | \(Figures.text(series.median, digits: figure.digits)) "
        + "| \(range.joined(separator: " – ")) | \(ratio ?? "") | \(goals.joined(separator: "; ")) |"
    }
  }

  private func cell(_ text: String) -> String {
    String(text.map { $0 == "|" ? "/" : $0 == "\n" ? " " : $0 })
  }

  /// Everything that was measured.
  var json: JSON { .array(outcomes.flatMap { outcome in outcome.contest.figures.indices.map { row(outcome, $0) } }) }

  private func row(_ outcome: Outcome, _ index: Int) -> JSON {
    let figure = outcome.contest.figures[index]
    let own = outcome.series(0, index)?.median
    let contestants: [JSON] = outcome.contest.contestants.indices.map { contestant in
      let series = outcome.series(contestant, index)
      return [
        "name": .string(outcome.contest.contestants[contestant].name),
        "median": series.map { .number($0.median) } ?? .null,
        "rounds": .array(outcome.rounds(contestant, index).map { $0.map { .number($0) } ?? .null }),
        "ratio": series.flatMap { series in own.map { .number($0 / series.median) } } ?? .null,
        "failure": outcome.failures[contestant].map { .string($0) } ?? .null,
      ]
    }
    let goals: [JSON] = figure.goals.map { goal in
      [
        "goal": .string(goal.text(unit: figure.unit)),
        "met": outcome.meets(goal, index).map { .bool($0) } ?? .null,
      ]
    }
    return [
      "name": .string(figure.name), "what": .string(figure.title), "unit": .string(figure.unit),
      "contestants": .array(contestants), "goals": .array(goals), "noise": .array(outcome.noise.map { .string($0) }),
    ]
  }
}

extension Goal {
  /// Whether it is told of beside this contestant.
  fileprivate func concerns(_ name: String, isReeve: Bool) -> Bool {
    switch self {
    case .atLeast(_, let other), .atMost(_, let other, _): name == other
    case .below: isReeve
    }
  }

  fileprivate func text(unit: String) -> String {
    switch self {
    case .atLeast(let factor, let other): "≥ \(Figures.ratio(factor)) × \(other)"
    case .atMost(let factor, let other, let plus):
      "≤ \(Figures.ratio(factor)) × \(other)" + (plus > 0 ? " + \(Figures.plain(plus, digits: 0)) \(unit)" : "")
    case .below(let value): "≤ \(Figures.plain(value, digits: 0)) \(unit)"
    }
  }
}
