internal import Host
internal import Loop
internal import Model
internal import RPC
internal import Wire

/// A place in a run's transcript from which a client is served; it holds no events, so a slow client costs nothing.
@LoopActor final class Subscription {
  /// One notification carries about this much, or one event.
  nonisolated static let notificationBytes = 256 * 1024
  /// How much of the file one turn reads, in pieces: to find its place far behind in it takes several turns.
  nonisolated static let mostPieces = 16
  /// A longer event is not sent, only said to be there.
  nonisolated static let longestEvent = 1 << 20

  let name: String
  let run: RunID
  private var reader: TranscriptReader
  /// Whether all that there will ever be was sent.
  private(set) var isOver = false
  /// Whether there may be something to send.
  var isDue = true

  init(name: String, run: RunRecord, after: Int64, state: StateFolder) {
    self.name = name
    self.run = run.id
    reader = TranscriptReader(state: state, run: run, after: after)
  }

  /// What is left to be sent.
  enum Rest {
    case more
    /// Nothing for now.
    case nothing
    /// The transcript cannot be read now, as for want of a descriptor: to be tried again.
    case unreadable
  }

  /// Gives what comes next, if there is anything, as the parameters of a notification.
  func next(_ record: RunRecord, _ notify: (JSON) -> Void) -> Rest {
    guard !isOver else { return .nothing }
    isDue = false
    reader.trust(first: record.jsonEvents)
    var batch = Batch(run: run)
    var hasMore = true
    var pieces = 0
    do {
      while hasMore && batch.bytes < Self.notificationBytes && pieces < Self.mostPieces {
        hasMore = try reader.readPiece { batch.append($0, $1, notify) }
        pieces += 1
      }
    } catch {
      // What was not read is not missing: no gap is announced.
      batch.write(notify)
      isDue = true
      return .unreadable
    }
    // Only a run of which nothing is left writes no more.
    if !hasMore && (record.disposal == .gone || record.disposal == .none) && record.status.isTerminal {
      reader.finish(record) { batch.append($0, $1, notify) }
      isOver = true
    }
    batch.write(notify)
    isDue = hasMore
    return hasMore ? .more : .nothing
  }

  /// The events of one notification, as they will be sent.
  private struct Batch {
    let run: RunID
    private var first: Int64 = 0
    private var count: Int64 = 0
    private var events: [UInt8] = []

    init(run: RunID) { self.run = run }

    var bytes: Int { events.count }

    /// Events are numbered by their place. What breaks the row, as a gap that stands for several does, begins another
    /// notification.
    mutating func append(_ number: Int64, _ event: [UInt8], _ notify: (JSON) -> Void) {
      if count > 0 && number != first + count {
        write(notify)
        (count, events) = (0, [])
      }
      if count == 0 { first = number }
      events.append(UInt8(ascii: count == 0 ? "[" : ","))
      count += 1
      if event.count > Subscription.longestEvent {
        EventText.appendSkipped(bytes: event.count, to: &events)
      } else {
        events.append(contentsOf: event)
      }
    }

    mutating func write(_ notify: (JSON) -> Void) {
      guard count > 0 else { return }
      events.append(UInt8(ascii: "]"))
      notify(["run": .string(run.description), "first": .integer(first), "events": .raw(events)])
    }
  }
}
