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

  /// Takes the conditions that it sees to out of the rules.
  init(_ rules: inout [ObjectRule]) {
    for index in rules.indices {
      let bit: UInt64 = 1 << UInt64(index)
      guard let (place, member, words) = Self.lead(of: rules[index]) else {
        others |= bit
        continue
      }
      rules[index].conditions.remove(at: place)
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
  private static func lead(of rule: ObjectRule) -> (place: Int, member: Int, words: [[UInt8]])? {
    for (place, condition) in rule.conditions.enumerated() {
      guard case .member(let member, let steps) = condition.place, steps.isEmpty,
        case .isOneOf(let literals) = condition.test
      else { continue }
      let words = literals.compactMap { if case .string(let word) = $0 { word } else { nil } }
      if words.count == literals.count { return (place, member, words) }
    }
    return nil
  }

  /// The rules that may fit this line, a bit each.
  @inline(__always)
  func candidates(_ line: RawSpan, _ scanner: borrowing LineScanner) -> UInt64 {
    var rules = others
    let switches = switches.span
    for index in switches.indices {
      guard let range = scanner.value(switches[index].member), JSONString.isString(line, range) else { continue }
      let cases = switches[index].cases.span
      for known in cases.indices where JSONString.equals(line, range: range, cases[known].word) {
        rules |= cases[known].rules
        break
      }
    }
    return rules
  }
}
