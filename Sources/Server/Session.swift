internal import Host
internal import Kernel
internal import Loop
internal import Model
internal import Wire

/// One client: its calls, its answers, what it has subscribed to.
@LoopActor final class Session: EventSource, RunObserver {
  /// A longer message is a mistake.
  static let longestMessage = 16 << 20
  /// A client that lets this much pile up has stopped reading and is let go.
  static let mostUnread = 64 << 20
  /// Notifications are made only while less than this waits to be read.
  static let comfortable = 512 * 1024
  /// How soon a transcript is looked at again that could not be read.
  private static let retryInterval = TimeSpan.milliseconds(500)

  let host: Host
  /// What a run gets that is started from here.
  let environment: [String: String]
  /// Where a run works that is started from here and says nothing else.
  let directory: String
  private weak var server: SocketServer?
  private var connection: Watched<UnixSocket>?
  private let retryTimer = LoopTimer(tag: 0)
  private var incoming = LineSplitter(limit: Session.longestMessage)
  private var outgoing: [UInt8] = []
  private var sent = 0
  private var subscriptions: [Subscription] = []
  private var lastSubscription = 0

  init(
    _ socket: consuming UnixSocket, host: Host, server: SocketServer, environment: [String: String], directory: String
  ) throws(SystemError) {
    self.host = host
    self.server = server
    self.environment = environment
    self.directory = directory
    connection = try Watched(socket, tag: 0, source: self)
  }

  // MARK: - Input

  func ready(_ tag: Int, _ readiness: Readiness) {
    if readiness.contains(.writable) { pump() }
    guard !readiness.isDisjoint(with: [.readable, .failed, .hungUp]) else { return }
    switch read() {
    case .bytes(let count): take(server?.buffer.prefix(count))
    case .wouldBlock: break
    case .end, nil: close()
    }
  }

  /// A transcript could not be read a moment ago.
  func timerFired(_ tag: Int) { pump() }

  private func read() -> ReadOutcome? {
    guard let buffer = server?.buffer else { return nil }
    return try? connection?.owner.descriptor.read(into: buffer)
  }

  private func take(_ bytes: Slice<UnsafeMutableRawBufferPointer>?) {
    guard let bytes else { return }
    incoming.feed(
      UnsafeRawBufferPointer(rebasing: bytes).bytes, line: { handle(RPCInput.parse($0)) },
      skipped: { size in
        let error = RPCError(
          code: RPCError.invalidRequest.code,
          message: "a message of \(size) bytes is longer than \(Self.longestMessage)")
        send(.failure(id: .null, error))
      })
  }

  private func handle(_ input: RPCInput) {
    switch input {
    case .single(let item): handle(item) { [weak self] message in message.map { self?.send($0) } }
    case .batch(let items):
      let batch = Batch(awaiting: items.count)
      for item in items { handle(item) { [weak self] in self?.gather($0, in: batch) } }
    }
  }

  private func gather(_ answer: RPCMessage?, in batch: Batch) {
    guard connection != nil else { return }
    gathered += batch.add(answer)
    if let answers = batch.whole {
      gathered -= answers.count
      outgoing += answers
    }
    flush()
  }

  private func handle(_ item: RPCInput.Item, _ answer: @escaping @LoopActor (RPCMessage?) -> Void) {
    switch item {
    case .invalid(let id, let error): answer(.failure(id: id, error))
    case .message(.request(let id, let method, let params)):
      Methods.call(method, params, self) { result in
        switch result {
        case .success(let value): answer(.success(id: id, result: value))
        case .failure(let error): answer(.failure(id: id, error))
        }
      }
    case .message(.notification(let method, let params)):
      // A notification is never answered, not even when it is wrong.
      Methods.call(method, params, self) { _ in }
      answer(nil)
    // Nobody was asked anything from here.
    case .message(.success), .message(.failure): answer(nil)
    }
  }

  // MARK: - Output

  func send(_ message: RPCMessage) {
    message.encode(to: &outgoing)
    flush()
  }

  private var unsent: Int { outgoing.count - sent }
  /// The bytes of answers that wait for the rest of their batch.
  private var gathered = 0

  private func flush() {
    do {
      while unsent > 0 {
        let rest = outgoing.span.bytes.extracting(droppingFirst: sent)
        guard let written = try connection?.owner.descriptor.write(rest), written > 0 else { break }
        sent += written
      }
    } catch {
      return close()
    }
    if unsent == 0 {
      outgoing.removeAll(keepingCapacity: outgoing.capacity <= Self.comfortable)
      sent = 0
    } else if sent > Self.comfortable {
      // One that always lags a little behind never has everything; what it has read is let go all the same.
      outgoing.removeFirst(sent)
      sent = 0
    }
    if unsent + gathered > Self.mostUnread { return close() }
    connection?.setInterest(unsent > 0 ? [.readable, .writable] : .readable)
  }

  // MARK: - Subscriptions

  func subscribe(to run: RunRecord, after: Int64) -> String {
    lastSubscription += 1
    let name = "s\(lastSubscription)"
    subscriptions.append(Subscription(name: name, run: run, after: after, state: host.state))
    if !subscriptions.dropLast().contains(where: { $0.run == run.id }) { _ = host.observe(run.id, self) }
    last[run.id] = run
    return name
  }

  func unsubscribe(_ name: String) -> Bool {
    guard let index = subscriptions.firstIndex(where: { $0.name == name }) else { return false }
    let subscription = subscriptions.remove(at: index)
    if !subscriptions.contains(where: { $0.run == subscription.run }) {
      host.ignore(subscription.run, self)
      last[subscription.run] = nil
    }
    return true
  }

  /// The newest that is known of the runs that are subscribed to.
  private var last: [RunID: RunRecord] = [:]

  /// Sends what the subscriptions have, as long as the client reads; one notification each in a turn, so that
  /// others get their turn too.
  func pump() {
    var hasMore = false
    for subscription in subscriptions {
      guard unsent < Self.comfortable else {
        // Whoever had no turn gets one, also when all this is written at once.
        hasMore = true
        break
      }
      guard let run = host.run(subscription.run) ?? last[subscription.run] else { continue }
      switch subscription.next(run, to: &outgoing) {
      case .more: hasMore = true
      case .nothing: break
      case .unreadable:
        if retryTimer.deadline == .never { retryTimer.arm(at: Loop.shared.now + Self.retryInterval, source: self) }
      }
    }
    flush()
    // To be told that it can be written is how a session gets its next turn.
    if hasMore { connection?.setInterest([.readable, .writable]) }
  }

  func runAppended(_ run: RunRecord) {
    if unsent == 0 { pump() }
  }

  func runChanged(_ run: RunRecord) {
    last[run.id] = run
    pump()
    send(.notification(method: "run/changed", params: ["run": RunJSON.object(run, isExcerpt: true)]))
  }

  func runRefused(_ run: RunID, _ error: HostError) {}

  func close() {
    for run in last.keys { host.ignore(run, self) }
    subscriptions = []
    retryTimer.disarm()
    (outgoing, sent) = ([], 0)
    connection.take()?.close()
    server?.ended(self)
  }
}

/// Gathers the answers to a batch of calls, as they will be sent: an array in one line.
@LoopActor private final class Batch {
  private var awaited: Int
  private var answers: [UInt8] = []

  init(awaiting count: Int) { awaited = count }

  /// Takes the next answer, nil for a call that gets none; by how many bytes it has grown.
  func add(_ answer: RPCMessage?) -> Int {
    let before = answers.count
    awaited -= 1
    if let answer {
      answers.append(answers.isEmpty ? UInt8(ascii: "[") : UInt8(ascii: ","))
      answer.encode(to: &answers)
      // The newline that ends a message of its own.
      answers.removeLast()
    }
    if awaited == 0 && !answers.isEmpty { answers += [UInt8(ascii: "]"), UInt8(ascii: "\n")] }
    return answers.count - before
  }

  /// All of it, when no answer is awaited any more.
  var whole: [UInt8]? { awaited == 0 ? answers : nil }
}
