public import Model

/// A timer of the loop. It keeps its source alive only while it is armed.
@LoopActor public final class LoopTimer {
  /// When it fires; `never` when it is not armed.
  public private(set) var deadline = Instant.never
  fileprivate var position = -1
  private let tag: Int
  private var source: (any EventSource)?

  /// A timer that tells its source this tag.
  public init(tag: Int) { self.tag = tag }

  /// Fires at `deadline`, and no longer at the time set before; `never` disarms it.
  public func arm(at deadline: Instant, source: any EventSource) {
    self.source = deadline == .never ? nil : source
    guard deadline != self.deadline else { return }
    self.deadline = deadline
    Loop.shared.timers.update(self)
  }

  /// Disarms itself, then tells its source.
  func fire() {
    let source = source
    disarm()
    source?.timerFired(tag)
  }

  /// Does not fire.
  public func disarm() {
    deadline = .never
    source = nil
    Loop.shared.timers.update(self)
  }
}

/// The armed timers, as a binary heap in which each timer knows its place.
@LoopActor struct TimerHeap {
  private var heap: [LoopTimer] = []

  var earliest: Instant { heap.first?.deadline ?? .never }

  /// A timer that is due.
  func due(at now: Instant) -> LoopTimer? { heap.first.flatMap { $0.deadline <= now ? $0 : nil } }

  mutating func update(_ timer: LoopTimer) {
    if timer.position < 0 {
      guard timer.deadline != .never else { return }
      timer.position = heap.count
      heap.append(timer)
      rise(timer.position)
    } else if timer.deadline == .never {
      remove(timer)
    } else {
      rise(timer.position)
      sink(timer.position)
    }
  }

  private mutating func remove(_ timer: LoopTimer) {
    let hole = timer.position
    timer.position = -1
    let last = heap.removeLast()
    guard hole < heap.count else { return }
    place(last, at: hole)
    rise(hole)
    sink(last.position)
  }

  private mutating func place(_ timer: LoopTimer, at position: Int) {
    heap[position] = timer
    timer.position = position
  }

  private mutating func rise(_ start: Int) {
    var position = start
    while position > 0, heap[position].deadline < heap[(position - 1) / 2].deadline {
      exchange(position, (position - 1) / 2)
      position = (position - 1) / 2
    }
  }

  private mutating func sink(_ start: Int) {
    var position = start
    while true {
      var least = position
      for child in [2 * position + 1, 2 * position + 2] where child < heap.count {
        if heap[child].deadline < heap[least].deadline { least = child }
      }
      guard least != position else { return }
      exchange(position, least)
      position = least
    }
  }

  private mutating func exchange(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    heap[a].position = a
    heap[b].position = b
  }
}
