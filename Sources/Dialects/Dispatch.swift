internal import Wire

/// Finds the rules that may fit a line without asking each: most rules of a dialect want one member, like `type`, to hold
/// one of a few words.
struct Dispatch: Sendable {
  private struct Switch: Sendable {
    let member: Int
    var cases: [(word: [UInt8], rules: UInt64)] = []
  }

  private var switches: [Switch] = []
  /// The rules that depend on no such word.
  private var others: UInt64 = 0

  init(_ rules: [ObjectRule]) {
    for (index, rule) in rules.enumerated() {
      let bit: UInt64 = 1 << UInt64(index)
      guard let (member, words) = Self.lead(of: rule) else {
        others |= bit
        continue
      }
      if !switches.contains(where: { $0.member == member }) { switches.append(Switch(member: member)) }
      for position in switches.indices where switches[position].member == member {
        for word in words {
          if let known = switches[position].cases.firstIndex(where: { $0.word == word }) {
            switches[position].cases[known].rules |= bit
          } else {
            switches[position].cases.append((word, bit))
          }
        }
      }
    }
  }

  /// The first condition on a member of the line itself that must be one of some words.
  private static func lead(of rule: ObjectRule) -> (member: Int, words: [[UInt8]])? {
    for condition in rule.conditions {
      guard case .member(let member, let steps) = condition.place, steps.isEmpty,
        case .isOneOf(let literals) = condition.test
      else { continue }
      let words = literals.compactMap { if case .string(let word) = $0 { word } else { nil } }
      if words.count == literals.count { return (member, words) }
    }
    return nil
  }

  /// The rules that may fit this line, a bit each.
  @inline(__always)
  func candidates(_ line: RawSpan, _ scanner: borrowing LineScanner) -> UInt64 {
    var rules = others
    for index in switches.indices {
      guard let range = scanner.value(switches[index].member), JSONString.isString(line, range) else { continue }
      for known in switches[index].cases.indices
      where JSONString.equals(line, range: range, switches[index].cases[known].word) {
        rules |= switches[index].cases[known].rules
        break
      }
    }
    return rules
  }
}
