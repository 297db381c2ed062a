internal import Glibc
internal import Kernel
public import Model
internal import Wire

/// Reads the transcript of a run from any event on, in bounded pieces; the file may still be growing.
///
/// Every line is delivered as one JSON value: what is not JSON as `reeve.text`, what is too long as
/// `reeve.skipped`, what could not be stored as `reeve.gap`. Event N is line N.
public struct TranscriptReader: ~Copyable {
  /// How much of the file one call reads.
  private static let pieceBytes = 64 * 1024

  private let state: StateFolder
  private let run: RunID
  private var file: Descriptor?
  private var offset: Int64 = 0
  private var splitter: LineSplitter
  private var delivery: Delivery
  private var isFinished = false

  /// A reader that gives the events behind number `after`.
  public init(state: StateFolder, run: RunRecord, after: Int64 = 0) {
    self.state = state
    self.run = run.id
    let lineLimit = RunJSON.lineLimit(of: run)
    splitter = LineSplitter(limit: lineLimit)
    delivery = Delivery(after: after, lineLimit: lineLimit)
  }

  /// So many events, from the first, are known to be JSON and need not be looked at.
  public mutating func trust(first events: Int64) { delivery.trusted = events }

  /// Reads a piece and gives the events that it completes. False when there is nothing more to read for now.
  public mutating func readPiece(_ give: (Int64, [UInt8]) -> Void) throws(HostError) -> Bool {
    do {
      guard try open() else { return false }
      return try withUnsafeTemporaryAllocation(byteCount: Self.pieceBytes, alignment: 16) {
        (piece) throws(SystemError) in
        let count = try file?.read(into: piece, at: offset) ?? 0
        take(UnsafeRawBufferPointer(rebasing: piece.prefix(count)).bytes, give)
        return count > 0
      }
    } catch {
      throw HostError(.badState, "the transcript of run \(run) cannot be read: \(error)")
    }
  }

  private mutating func take(_ piece: RawSpan, _ give: (Int64, [UInt8]) -> Void) {
    offset += Int64(piece.byteCount)
    var delivery = takeDelivery()
    splitter.feed(piece, line: { delivery.line($0, give) }, skipped: { delivery.skipped($0, give) })
    self.delivery = delivery
  }

  /// Gives what is left when the run is over and `readPiece` has said that there is no more: a last line without
  /// its newline, and a gap.
  public mutating func finish(_ record: RunRecord, _ give: (Int64, [UInt8]) -> Void) {
    guard !isFinished else { return }
    isFinished = true
    var delivery = takeDelivery()
    // Half a line may be left of one that was whole when it was known to be JSON.
    delivery.trusted = 0
    // When a transcript cannot be written any more it is cut back to its last whole line. What was read of it before that,
    // and is there no longer, is a part of the gap.
    let isCutBack = record.flags.contains(.transcriptGap) && delivery.last >= record.eventsStored
    if !isCutBack {
      splitter.finish(line: { delivery.line($0, give) }, skipped: { delivery.skipped($0, give) })
    }
    // Whatever the reason, what the record has and the file has not is said to be missing.
    delivery.gap(to: record.events, give)
    self.delivery = delivery
  }

  /// Out of `self`, so that the splitter can be used meanwhile; its storage moves and is not copied.
  private mutating func takeDelivery() -> Delivery {
    var taken = Delivery(after: 0, lineLimit: 0)
    swap(&taken, &delivery)
    return taken
  }

  private mutating func open() throws(SystemError) -> Bool {
    guard file == nil else { return true }
    do {
      file = try state.runs.openDirectory(run.description).openPlainFile(RunFile.transcript, flags: O_RDONLY)
      return true
    } catch {
      // Made at the first byte: it may be yet to come.
      guard error.code == ENOENT else { throw error }
      return false
    }
  }
}

/// Numbers events and puts them into the form in which they are delivered.
private struct Delivery {
  private let after: Int64
  private let lineLimit: Int
  private var scanner = LineScanner(wanted: WantedMembers([]))
  private var event: [UInt8] = []
  /// The number of the event that was come to.
  private(set) var last: Int64 = 0
  /// Up to which number events are known to be JSON.
  var trusted: Int64 = 0

  init(after: Int64, lineLimit: Int) {
    self.after = after
    self.lineLimit = lineLimit
  }

  mutating func line(_ line: RawSpan, _ give: (Int64, [UInt8]) -> Void) {
    guard begin(last + 1) else { return }
    EventText.append(line: line, limit: lineLimit, isJSON: last <= trusted, scanner: &scanner, to: &event)
    give(last, event)
  }

  mutating func skipped(_ bytes: Int, _ give: (Int64, [UInt8]) -> Void) {
    guard begin(last + 1) else { return }
    EventText.appendSkipped(bytes: bytes, to: &event)
    give(last, event)
  }

  mutating func gap(to end: Int64, _ give: (Int64, [UInt8]) -> Void) {
    let first = last + 1
    guard end >= first, begin(end) else { return }
    EventText.appendGap(first: Int(first), last: Int(end), to: &event)
    give(last, event)
  }

  /// Goes on to this event; false when nobody wants it.
  private mutating func begin(_ number: Int64) -> Bool {
    last = number
    event.removeAll(keepingCapacity: true)
    return number > after
  }
}
