/// The limits of one run, each with where it came from; frozen when the run is accepted.
public struct Limits: Hashable, Sendable {
  /// Who set a limit. The first of these that names one decides.
  public enum Origin: String, CaseIterable, Hashable, Sendable {
    /// The call that started the run.
    case request
    /// The plugin's manifest.
    case plugin
    /// The user's configuration.
    case config
    /// Reeve itself.
    case `default`
  }

  /// One limit.
  public struct Entry: Hashable, Sendable {
    /// Nanoseconds, bytes, a count or millionths of a dollar; nil is no limit.
    public let value: Int64?
    /// Who set it.
    public let origin: Origin

    /// A value and who set it.
    public init(value: Int64?, origin: Origin) {
      self.value = value
      self.origin = origin
    }
  }

  private var chosen: [LimitName: Entry] = [:]

  /// What holds when nobody says otherwise.
  public init() {}

  /// The limit of this name.
  public subscript(name: LimitName) -> Entry {
    get { chosen[name] ?? Entry(value: name.rule.standard, origin: .default) }
    set { chosen[name] = newValue }
  }

  /// The limit as a span of time, `nil` for none.
  public func span(_ name: LimitName) -> TimeSpan? { self[name].value.map { TimeSpan(nanoseconds: $0) } }

  /// Sets a limit from its text.
  public mutating func assign(_ name: String, _ text: String, from origin: Origin) throws(LimitError) {
    guard let limit = LimitName(rawValue: name) else { throw LimitError(name: name, problem: .unknown) }
    let rule = limit.rule
    if text == "none" {
      guard rule.optional else { throw LimitError(name: name, problem: .required) }
      self[limit] = Entry(value: nil, origin: origin)
      return
    }
    guard let value = LimitText.value(text, unit: rule.unit) else {
      throw LimitError(name: name, problem: .unreadable(text, rule.unit))
    }
    guard rule.range.contains(value) else {
      throw LimitError(
        name: name, problem: .absurd(text, rule.range.lowerBound, rule.range.upperBound, rule.unit)
      )
    }
    self[limit] = Entry(value: value, origin: origin)
  }

  /// The text of a limit, as it would be written in a manifest.
  public func text(_ name: LimitName) -> String {
    self[name].value.map { LimitText.text($0, unit: name.rule.unit) } ?? "none"
  }
}

/// Why a limit was refused.
public struct LimitError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was wrong with it.
  public enum Problem: Hashable, Sendable {
    /// There is no limit of that name.
    case unknown
    /// It bounds how long a burial takes and cannot be switched off.
    case required
    /// The text is no value of its unit.
    case unreadable(String, LimitName.Unit)
    /// The value is not between the least and the most that make sense.
    case absurd(String, Int64, Int64, LimitName.Unit)
  }

  /// The name as it was given.
  public let name: String
  /// What was wrong.
  public let problem: Problem

  /// One line for people.
  public var description: String {
    switch problem {
    case .unknown:
      "unknown limit “\(name)”; there are \(LimitName.allCases.map(\.rawValue).joined(separator: ", "))"
    case .required: "the limit “\(name)” cannot be switched off"
    case .unreadable(let text, let unit): "“\(text)” is no value for the limit “\(name)”: write \(unit.hint)"
    case .absurd(let text, let least, let most, let unit):
      "“\(text)” makes no sense for the limit “\(name)”: it may be from "
        + "\(LimitText.text(least, unit: unit)) to \(LimitText.text(most, unit: unit))"
    }
  }
}

extension LimitName.Unit {
  fileprivate var hint: String {
    switch self {
    case .time: "a number and a unit like 90s, 10m or 2h"
    case .bytes: "a number and a unit like 512MiB or 2GiB"
    case .count: "a whole number"
    case .money: "dollars like 2 or 0.50"
    }
  }
}
