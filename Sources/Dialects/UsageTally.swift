public import Model
internal import Wire

/// Adds up what an agent says it used. What it never spoke of stays unknown, not zero.
public struct UsageTally: Sendable {
  /// The name of the figure that is money, in dollars.
  public static let cost = "cost_usd"
  /// An agent speaks of a handful of figures; one that invents names without end is not followed.
  private static let mostNames = 64

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
  private var figures: [(name: String, amount: Amount)] = []

  /// Nothing was used yet, as far as is known. These figures an agent adds up over its whole session.
  public init(cumulative: Set<String> = []) { self.cumulative = cumulative }

  /// Takes a figure.
  public mutating func add(_ name: String, _ amount: Amount) {
    guard amount.number.isFinite, name == Self.cost || amount.count != nil else { return }
    let amount = name == Self.cost ? Amount.number(amount.number) : amount
    guard let index = figures.firstIndex(where: { $0.name == name }) else {
      if figures.count < Self.mostNames { figures.append((name, amount)) }
      return
    }
    figures[index].amount = cumulative.contains(name) ? amount : figures[index].amount + amount
  }

  /// What it cost, in dollars.
  public var cost: Double? { own(Self.cost)?.number }

  /// How many tokens went in and out.
  public var tokens: Int64? {
    let parts = [own("input_tokens"), own("output_tokens")].compactMap { $0?.count }
    return parts.isEmpty ? own("total_tokens")?.count : parts.reduce(0) { Int64(clamping: $0.addingClamped($1)) }
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
    for figure in figures where cumulative.contains(figure.name) { object[figure.name] = figure.amount.json }
    return object.members.isEmpty ? nil : JSONText(valid: JSON.object(object).text)
  }

  /// What this run has of a figure; nil when that is not known.
  private func own(_ name: String) -> Amount? {
    guard let figure = figures.first(where: { $0.name == name }) else { return nil }
    guard cumulative.contains(name) else { return figure.amount }
    switch baseline {
    case .nothing: return figure.amount
    case .unknown: return nil
    case .figures(let before):
      guard case .object(let object)? = try? JSON.parse(before.text), let before = object[name].flatMap(Amount.init(_:))
      else { return nil }
      return figure.amount.since(before)
    }
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
    if case .count(let now) = self, case .count(let then) = before { return .count(now - then) }
    // Sums of binary fractions are never quite right; a billionth of a cent is.
    return .number(((number - before.number) * 1e12).rounded() / 1e12)
  }
}

extension Int64 {
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
