import Testing

extension Child {
  /// The host behind this `reeve run`, which is itself the guardian.
  public func host() throws -> Int32 { try hostOf(guardian: pid) }
}

/// The only child that a guardian has.
public func hostOf(guardian: Int32) throws -> Int32 {
  var children: [Int32] = []
  try eventually("\(guardian) does not stand guard") {
    children = ((try? contents("/proc/\(guardian)/task/\(guardian)/children")) ?? "")
      .split(separator: " ").compactMap { Int32($0) }
    return !children.isEmpty
  }
  return try #require(children.count == 1 ? children[0] : nil, "the guardian has \(children.count) children")
}
