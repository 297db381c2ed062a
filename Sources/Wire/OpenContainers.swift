/// The arrays and objects that are open at a point of a text, one bit each and inline: a scan neither recurses nor
/// allocates, so the nesting of a text can exhaust no stack.
struct OpenContainers {
  private(set) var depth = 0
  /// Whether the innermost one is an object.
  private(set) var isObject = false
  private var kinds = InlineArray<8, UInt64>(repeating: 0)

  /// Opens one; says no, and does nothing, at the limit.
  @inline(__always)
  mutating func push(isObject: Bool) -> Bool {
    guard depth < LineScanner.depthLimit else { return false }
    let bit: UInt64 = 1 &<< UInt64(depth & 63)
    if isObject { kinds[depth &>> 6] |= bit } else { kinds[depth &>> 6] &= ~bit }
    depth &+= 1
    self.isObject = isObject
    return true
  }

  /// Closes the innermost one; there must be one.
  @inline(__always)
  mutating func pop() {
    depth &-= 1
    let outer = depth &- 1
    isObject = outer >= 0 && kinds[outer &>> 6] & (1 &<< UInt64(outer & 63)) != 0
  }
}
