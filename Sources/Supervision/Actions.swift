public import Model

/// What the machine wants done after an event. Performed in the order of the members.
public struct Actions: Hashable, Sendable {
  /// What is to be done to every process of the run.
  public enum TreeOrder: Hashable, Sendable {
    /// Ask it to stop.
    case stop
    /// Kill it.
    case kill
  }

  /// How the machine lets go of the run.
  public enum Ending: Hashable, Sendable {
    /// Nothing of it is left: give back everything it held.
    case release
    /// It will not die: give back its place, but keep looking at it.
    case quarantine
  }

  /// Start the program.
  public var launch = false
  /// Record and announce this verdict. Given exactly once in the life of a run.
  public var settle: Verdict?
  /// Raise these flags.
  public var flags: Flags = []
  /// Do this to the tree.
  public var tree: TreeOrder?
  /// Let go.
  public var ending: Ending?

  /// Nothing to do.
  public static let none = Actions()

  /// Whether there is nothing to do.
  public var isEmpty: Bool { self == .none }

  /// Adds what a later event of the same moment wants.
  mutating func add(_ other: Actions) {
    launch = launch || other.launch
    settle = settle ?? other.settle
    flags.formUnion(other.flags)
    tree = other.tree ?? tree
    ending = other.ending ?? ending
  }
}
