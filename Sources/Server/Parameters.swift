internal import Glibc
internal import Model
internal import Wire

/// The parameters of one call, read by name; what nobody asked for is an error that names it.
struct Parameters {
  private var members: [(key: String, value: JSON)]

  init(_ params: JSON?) throws(RPCError) {
    switch params {
    case nil: members = []
    case .object(let object): members = object.members
    default: throw Self.wrong("parameters are given by name, as an object")
    }
  }

  /// The value of a member, which is not there any more afterwards; null is as good as absent.
  private mutating func take(_ name: String) -> JSON? {
    guard let index = members.lastIndex(where: { $0.key == name }) else { return nil }
    let value = members[index].value
    members.removeAll { $0.key == name }
    if case .null = value { return nil }
    return value
  }

  mutating func string(_ name: String) throws(RPCError) -> String? {
    switch take(name) {
    case nil: return nil
    case .string(let string): return string
    default: throw Self.wrong("“\(name)” must be a string")
    }
  }

  mutating func required(_ name: String) throws(RPCError) -> String {
    guard let string = try string(name) else { throw Self.wrong("“\(name)” is required") }
    return string
  }

  mutating func integer(_ name: String) throws(RPCError) -> Int64? {
    switch take(name) {
    case nil: return nil
    case .integer(let integer): return integer
    default: throw Self.wrong("“\(name)” must be a whole number")
    }
  }

  /// A length of time like “90s”.
  mutating func span(_ name: String) throws(RPCError) -> TimeSpan? {
    guard let text = try string(name) else { return nil }
    guard let value = LimitText.value(text, unit: .time) else {
      throw Self.wrong("“\(name)” should be a number and a unit like 90s, 10m or 2h")
    }
    return TimeSpan(nanoseconds: value)
  }

  /// How much an object of texts may hold: it is kept, or handed on, with every run.
  struct Room {
    let members, bytes: Int

    /// For what people or programs sort runs by.
    static let labels = Room(members: 64, bytes: 16 << 10)
    /// The kernel takes no more for a program's arguments and environment together, as the stack is usually limited.
    static let environment = Room(members: 4096, bytes: 2 << 20)
    /// Each is known by name, so this is never the first thing wrong.
    static let limits = Room(members: 64, bytes: 16 << 10)
  }

  /// An object of texts; where it makes sense numbers are taken as their text.
  mutating func texts(
    _ name: String, room: Room, orNumbers: Bool = false
  ) throws(RPCError) -> [(name: String, value: String)] {
    switch take(name) {
    case nil: return []
    case .object(let object):
      guard object.members.count <= room.members else {
        throw Self.wrong("“\(name)” has \(object.members.count) members; at most \(room.members)")
      }
      var texts: [(name: String, value: String)] = []
      for member in object.members {
        switch member.value {
        case .string(let text): texts.append((member.key, text))
        case .integer where orNumbers, .number where orNumbers: texts.append((member.key, member.value.text))
        default: throw Self.wrong("“\(name).\(member.key)” must be text")
        }
      }
      let bytes = texts.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
      guard bytes <= room.bytes else {
        throw Self.wrong("“\(name)” takes \(bytes) bytes; at most \(room.bytes)")
      }
      return texts
    default: throw Self.wrong("“\(name)” must be an object")
    }
  }

  mutating func run() throws(RPCError) -> RunID {
    let text = try required("run")
    guard let run = RunID(text) else { throw Self.wrong("“\(text)” is no name of a run") }
    return run
  }

  mutating func word<Word: RawRepresentable<String> & CaseIterable>(_ name: String) throws(RPCError) -> Word? {
    guard let text = try string(name) else { return nil }
    guard let word = Word(rawValue: text) else {
      throw Self.wrong("“\(name)” is one of \(Word.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", "))")
    }
    return word
  }

  /// All parameters have been taken.
  func finish() throws(RPCError) {
    if let surplus = members.first { throw Self.wrong("there is no parameter “\(surplus.key)”") }
  }

  static func wrong(_ message: String) -> RPCError { RPCError(code: RPCError.invalidParams.code, message: message) }
}
