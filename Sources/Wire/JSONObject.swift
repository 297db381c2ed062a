/// The members of a JSON object in the order of their first appearance, each key once.
public struct JSONObject: Sendable {
  /// The members, in order.
  public private(set) var members: [(key: String, value: JSON)]

  /// An object without members.
  public init() { members = [] }

  /// Takes members whose keys are known to differ.
  init(distinct members: [(key: String, value: JSON)]) { self.members = members }

  /// The value of a key; setting one that is there keeps its place, setting nil removes it.
  public subscript(key: String) -> JSON? {
    get { index(of: key).map { members[$0].value } }
    set {
      switch (index(of: key), newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append((key, value))
      case (nil, nil): break
      }
    }
  }

  /// Keys are told apart by code points, not by canonical equivalence as `String` does.
  private func index(of key: String) -> Int? {
    // Most keys differ in length already, which costs nothing to see.
    let (bytes, length) = (key.utf8, key.utf8.count)
    return members.firstIndex { $0.key.utf8.count == length && $0.key.utf8.elementsEqual(bytes) }
  }
}

extension JSONObject: Equatable {
  /// Whether both have the same keys with the same values; order carries no meaning in JSON.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    guard left.members.count == right.members.count else { return false }
    for index in left.members.indices {
      let (key, value) = left.members[index]
      // In the usual case the order is the same as well, and no key is searched for.
      let other = right.members[index].key.utf8.elementsEqual(key.utf8) ? index : right.index(of: key)
      guard let other, right.members[other].value == value else { return false }
    }
    return true
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// The members as written; of a repeated key the last value counts.
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(writtenOut: elements) }

  /// The same for literals of other types.
  init(writtenOut elements: [(String, JSON)]) {
    self.init()
    members.reserveCapacity(elements.count)
    for (key, value) in elements { self[key] = value }
  }
}
