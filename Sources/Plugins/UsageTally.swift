public import Model
internal import Wire

/// Adds up what an agent says it used. What it never spoke of stays unknown, not zero.
public struct UsageTally: Sendable {
  /// An agent speaks of a handful of figures; one that invents names without end is not followed.
  private static let mostNames = 64
  /// A usage event is a short line. This one is read as a tree, which a long one would hold up the loop with.
  private static let longestEvent = 64 * 1024

  private var counts: [(name: String, value: Int64)] = []
  /// What it cost, in dollars.
  public private(set) var cost: Double?

  /// Nothing was used yet, as far as is known.
  public init() {}

  /// Adds the numbers of one usage event.
  public mutating func add(_ line: RawSpan) {
    guard line.byteCount <= Self.longestEvent, case .object(let event)? = try? JSON.parse(line) else { return }
    for member in event.members {
      switch (member.key, member.value) {
      case ("cost_usd", .number(let value)) where value.isFinite: cost = (cost ?? 0) + value
      case ("cost_usd", .integer(let value)): cost = (cost ?? 0) + Double(value)
      case (let name, .integer(let value)): add(name, value)
      default: break
      }
    }
  }

  private mutating func add(_ name: String, _ value: Int64) {
    if let index = counts.firstIndex(where: { $0.name == name }) {
      let (sum, overflow) = counts[index].value.addingReportingOverflow(value)
      counts[index].value = overflow ? (value < 0 ? .min : .max) : sum
    } else if counts.count < Self.mostNames {
      counts.append((name, value))
    }
  }

  /// The sums as JSON; nil when nothing was said.
  public var text: JSONText? {
    guard !counts.isEmpty else { return nil }
    var object = JSONObject()
    for count in counts { object[count.name] = .integer(count.value) }
    return JSONText(valid: JSON.object(object).text)
  }
}
