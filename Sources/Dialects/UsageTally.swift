public import Model
internal import Wire

/// Adds up what an agent says it used. What it never spoke of stays unknown, not zero.
public struct UsageTally: Sendable {
  /// The name of the figure that is money, in dollars.
  public static let cost = "cost_usd"
  /// An agent speaks of a handful of figures; one that invents names without end is not followed.
  private static let mostNames = 64
  private static let longestName = 64

  /// What the agent had counted of its session before this run.
  public enum Baseline: Sendable {
    /// Nothing: the session begins with the run.
    case nothing
    /// These figures.
    case figures(JSONText)
    /// Something, and nobody knows how much.
    case unknown
  }

  /// What the session had used before; the figures that the agent adds up over all of it are compared with that.
  public var baseline = Baseline.nothing
  private let cumulative: Set<String>
  private var figures: [Figure] = []

  private struct Figure {
    let name: String
    var amount: Amount
    /// What it was when it was first told: what came since is this run's in any case.
    let first: Amount
  }

  /// Nothing was used yet, as far as is known. These figures an agent adds up over its whole session.
  public init(cumulative: Set<String> = []) { self.cumulative = cumulative }

  /// Takes a figure.
  ///
  /// Nobody uses less than nothing: what is below zero is no figure.
  public mutating func add(_ name: String, _ amount: Amount) {
    guard amount.number.isFinite, amount.number >= 0, name == Self.cost || amount.count != nil else { return }
    let amount = name == Self.cost ? Amount.number(amount.number) : amount
    guard let index = figures.firstIndex(where: { $0.name == name }) else {
      if figures.count < Self.mostNames, name.utf8.count <= Self.longestName {
        figures.append(Figure(name: name, amount: amount, first: amount))
      }
      return
    }
    figures[index].amount = cumulative.contains(name) ? amount : figures[index].amount + amount
  }

  /// What it cost, in dollars.
  public var cost: Double? { own(Self.cost)?.number }

  /// What it cost in any case, in dollars: where it is not known what the session had cost before, what came on top of the
  /// first figure that was told.
  public var certainCost: Double? { certain(Self.cost)?.number }

  /// How many tokens went in and out in any case.
  public var certainTokens: Int64? {
    let parts = [certain("input_tokens"), certain("output_tokens")].compactMap { $0?.count }
    return parts.isEmpty ? certain("total_tokens")?.count : parts.reduce(0) { $0.addingClamped($1) }
  }

  /// The counts of this run as JSON; nil when nothing was said.
  public var text: JSONText? {
    var object = JSONObject()
    for figure in figures where figure.name != Self.cost {
      if let count = own(figure.name)?.count { object[figure.name] = .integer(count) }
    }
    return object.members.isEmpty ? nil : JSONText(valid: JSON.object(object).text)
  }

  /// What the agent adds up over its session, as it said it; nil when it says nothing of the kind.
  public var cumulativeText: JSONText? {
    var object = JSONObject()
    for figure in figures where cumulative.contains(figure.name) { object[figure.name] = total(of: figure).json }
    return object.members.isEmpty ? nil : JSONText(valid: JSON.object(object).text)
  }

  /// What the session has used by now. An agent that failed before it counted anything says zero, and has not counted anew.
  private func total(of figure: Figure) -> Amount {
    figure.amount.number == 0 ? before(figure.name) ?? figure.amount : figure.amount
  }

  private func before(_ name: String) -> Amount? {
    guard case .figures(let figures) = baseline, case .object(let object)? = try? JSON.parse(figures.text) else {
      return nil
    }
    return object[name].flatMap(Amount.init(_:))
  }

  /// What this run has of a figure; nil when that is not known.
  private func own(_ name: String) -> Amount? {
    guard let figure = figures.first(where: { $0.name == name }) else { return nil }
    guard cumulative.contains(name) else { return figure.amount }
    switch baseline {
    case .nothing: return figure.amount
    case .unknown: return nil
    case .figures: return before(name).map { total(of: figure).since($0) }
    }
  }

  private func certain(_ name: String) -> Amount? {
    own(name) ?? figures.first { $0.name == name }.map { $0.amount.since($0.first) }
  }
}

extension Amount {
  fileprivate init?(_ json: JSON) {
    switch json {
    case .integer(let count): self = .count(count)
    case .number(let number): self = .number(number)
    default: return nil
    }
  }

  fileprivate var json: JSON {
    switch self {
    case .count(let count): .integer(count)
    case .number(let number): .number(number)
    }
  }

  fileprivate static func + (left: Amount, right: Amount) -> Amount {
    guard case .count(let a) = left, case .count(let b) = right else { return .number(left.number + right.number) }
    return .count(a.addingClamped(b))
  }

  /// What came on top of an earlier amount. One that has become less was counted anew.
  fileprivate func since(_ before: Amount) -> Amount {
    guard number >= before.number else { return self }
    if case .count(let now) = self, case .count(let then) = before { return .count(now.subtractingClamped(then)) }
    let difference = number - before.number
    // Sums of binary fractions are never quite right; a billionth of a cent is. What is large has no such digits.
    return .number(difference < 1e3 ? (difference * 1e12).rounded() / 1e12 : difference)
  }
}

extension Int64 {
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  fileprivate func subtractingClamped(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }
}
