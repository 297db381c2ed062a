public import Model

/// Who may run, and who waits: there are so many seats in all, so many for each plugin, and in a directory one that
/// writes to it at a time.
///
/// Those that wait are let in in the order in which they came. One that waits for what is its own alone, a directory or
/// a predecessor, does not hold up who comes after it; but nobody takes a directory for which another waited before.
public struct Admission {
  /// What a run needs in order to begin.
  public struct Seat: Hashable, Sendable {
    /// The run.
    public let run: RunID
    /// Its plugin.
    public let plugin: String
    /// The directory that it writes to.
    public let directory: DirectoryName?

    /// What a run of this plugin needs.
    public init(run: RunID, plugin: String, directory: DirectoryName?) {
      self.run = run
      self.plugin = plugin
      self.directory = directory
    }
  }

  /// A directory as the kernel knows it, whatever path leads there.
  public struct DirectoryName: Hashable, Sendable, CustomStringConvertible {
    /// Its device.
    public let device: UInt64
    /// Its number there.
    public let inode: UInt64

    /// The directory with this number.
    public init(device: UInt64, inode: UInt64) {
      self.device = device
      self.inode = inode
    }

    /// A name for files that stand for it.
    public var description: String { "\(device)-\(inode)" }
  }

  private let total: Int?
  private let shares: [String: Int]
  private var seated: [RunID: Seat] = [:]
  private var taken: [String: Int] = [:]
  private var queue: [Seat] = []

  /// So many runs in all, and of each plugin; nil is any number.
  public init(total: Int?, shares: [String: Int] = [:]) {
    self.total = total
    self.shares = shares
  }

  /// How many wait.
  public var waiting: Int { queue.count }

  /// Those that wait, the next one first.
  public var waitingRuns: [RunID] { queue.map(\.run) }

  /// The place of a run among those that wait, from 1.
  public func position(of run: RunID) -> Int? { queue.firstIndex { $0.run == run }.map { $0 + 1 } }

  /// The run here that has a directory.
  public func holder(of directory: DirectoryName) -> RunID? {
    seated.values.first { $0.directory == directory }?.run
  }

  /// The runs that wait for a directory.
  public func waiters(for directory: DirectoryName) -> [RunID] {
    queue.filter { $0.directory == directory }.map(\.run)
  }

  /// Somebody wants to run, behind all that wait.
  public mutating func enter(_ seat: Seat) { queue.append(seat) }

  /// Gives seats to those that can have them, in order. `isReady` says whether what only the outside knows stands in
  /// nobody's way; it is asked last, and whoever it lets pass is seated.
  public mutating func admit(_ isReady: (Seat) -> Bool) -> [Seat] {
    var admitted: [Seat] = []
    var wanted = Set(seated.values.compactMap(\.directory))
    queue.removeAll { seat in
      let isTurn = total.map { seated.count < $0 } ?? true
      let isShareLeft = shares[seat.plugin].map { taken[seat.plugin, default: 0] < $0 } ?? true
      let isDirectoryFree = seat.directory.map { !wanted.contains($0) } ?? true
      if let directory = seat.directory { wanted.insert(directory) }
      guard isTurn, isShareLeft, isDirectoryFree, isReady(seat) else { return false }
      seated[seat.run] = seat
      taken[seat.plugin, default: 0] += 1
      admitted.append(seat)
      return true
    }
    return admitted
  }

  /// A run needs nothing any more, whether it had a seat or waited for one.
  public mutating func leave(_ run: RunID) {
    if let seat = seated.removeValue(forKey: run) {
      taken[seat.plugin, default: 1] -= 1
    } else {
      queue.removeAll { $0.run == run }
    }
  }
}
