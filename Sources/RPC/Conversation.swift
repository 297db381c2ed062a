public import Wire

/// What is said on one connection, whatever carries it: bytes come in and become calls, answers become bytes to send.
///
/// It knows the protocol and no method. All of JSON-RPC 2.0 is in it: batches, notifications, ids of every kind, both
/// framings, `$/cancelRequest`; and what a client may not do to its server.
public final class Conversation {
  /// What one client may ask for at a time.
  public struct Limits: Sendable {
    /// A longer message is a mistake.
    public var messageBytes = 16 << 20
    /// More than this is not gathered for one batch.
    public var batchBytes = 64 << 20
    /// More calls than this wait for no client that reads its answers.
    public var pendingCalls = 1024

    /// The usual ones.
    public init() {}
  }

  /// What the client has not been sent yet.
  public private(set) var outgoing = Outgoing()
  /// Takes out of an error what a client is not to be sent: errors quote what was asked for.
  public var conceal: (RPCError) -> RPCError = { $0 }
  /// Told that there is something to send.
  public var onOutput: () -> Void = {}
  /// How many calls wait for their answers.
  public private(set) var pendingCalls = 0
  /// How many bytes of answers wait for the rest of their batches.
  private var gathered = 0

  /// How much waits for the client in all.
  public var unread: Int { outgoing.count + gathered }
  /// Whether the client has asked for more in one batch than anybody can be waiting for: then it hears no more.
  public var isOverflowing: Bool { gathered > limits.batchBytes }

  /// Whether nobody can tell any more where the client's messages begin: then no more is read.
  public private(set) var isLost = false

  private let limits: Limits
  private let dispatch: (Call) -> Void
  private let tooMany: RPCError
  private var splitter: MessageSplitter
  /// Answers come as the calls came.
  private var framing = Framing.lines
  private var pending: [RPCIdentifier: Call] = [:]
  private var isClosed = false
  private var isFinished = false

  /// A conversation whose calls are told to `dispatch`; `tooMany` is what a client hears that has too many pending.
  public init(limits: Limits = Limits(), tooMany: RPCError, dispatch: @escaping (Call) -> Void) {
    self.limits = limits
    self.tooMany = tooMany
    self.dispatch = dispatch
    splitter = MessageSplitter(limit: limits.messageBytes)
  }

  // MARK: - Input

  /// Takes bytes from the client.
  public func feed(_ bytes: RawSpan) { split { $0.feed(bytes, message: $1, refused: $2) } }

  /// The client will say no more, or is heard no more: what was said in full is a message, what was not is told to it.
  public func finish() {
    split { $0.finish(message: $1, refused: $2) }
    isFinished = true
  }

  /// Nothing is heard any more and nothing said.
  public func close() {
    isClosed = true
    let calls = pending.values
    pending = [:]
    for call in calls { call.abandon() }
    outgoing = Outgoing()
  }

  private typealias Splitting = (
    inout MessageSplitter, (Framing, RawSpan) -> Void, (Framing, MessageSplitter.Refusal) -> Void
  ) -> Void

  /// Out of `self` while it is used: a call may come back here.
  private func split(_ body: Splitting) {
    var splitter = MessageSplitter(limit: limits.messageBytes)
    swap(&splitter, &self.splitter)
    body(&splitter, { take($1, framed: $0) }, { refuse($1, framed: $0) })
    swap(&splitter, &self.splitter)
  }

  private func take(_ message: RawSpan, framed framing: Framing) {
    guard !isClosed, !isFinished, !isOverflowing else { return }
    self.framing = framing
    switch RPCInput.parse(message) {
    case .single(let item): handle(item) { [self] in if let answer = $0 { send(answer, framed: framing) } }
    case .batch(let items):
      let batch = Batch(awaiting: items.count)
      for item in items where !isClosed && !isFinished && !isOverflowing {
        handle(item) { [self] in gather($0, in: batch, framed: framing) }
      }
    }
  }

  private func refuse(_ refusal: MessageSplitter.Refusal, framed framing: Framing) {
    guard !isFinished else { return }
    self.framing = framing
    let error: RPCError
    switch refusal {
    case .tooLong(let size):
      error = RPCError(
        code: RPCError.invalidRequest.code,
        message: "a message of \(size) bytes is longer than \(limits.messageBytes)",
        data: ["size": .integer(Int64(size)), "limit": .integer(Int64(limits.messageBytes))])
    case .badHeader(let what):
      isLost = true
      error = .parseError.with(data: ["reason": .string("the header cannot be read: \(what)")])
    case .cutOff: error = .parseError.with(data: ["reason": "the input ended in the middle of a message"])
    }
    send(.failure(id: .null, error), framed: framing)
  }

  private func handle(_ item: RPCInput.Item, _ answered: @escaping (RPCMessage?) -> Void) {
    switch item {
    case .invalid(let id, let error): answered(.failure(id: id, error))
    case .message(.request(let id, let method, let params)): begin(id, method, params, answered)
    case .message(.notification("$/cancelRequest", let params)):
      cancel(params)
      answered(nil)
    case .message(.notification(let method, let params)):
      dispatch(Call(method: method, params: params, id: nil) { _, _ in })
      answered(nil)
    // Nobody was asked anything from here.
    case .message(.success), .message(.failure): answered(nil)
    }
  }

  private func begin(
    _ id: RPCIdentifier, _ method: String, _ params: JSON?, _ answered: @escaping (RPCMessage?) -> Void
  ) {
    guard pendingCalls < limits.pendingCalls else { return answered(.failure(id: id, tooMany)) }
    guard pending[id] == nil else {
      // Not to this id: the client would take it for the answer to the first.
      let data: JSON = ["reason": "a call with this id is not answered yet", "id": id.json]
      return answered(.failure(id: .null, .invalidRequest.with(data: data)))
    }
    let call = Call(method: method, params: params, id: id) { [weak self] call, result in
      self?.end(call, id)
      switch result {
      case .success(let value): answered(.success(id: id, result: value))
      case .failure(let error): answered(.failure(id: id, self?.conceal(error) ?? error))
      }
    }
    pendingCalls += 1
    // Several may be called null.
    if id != .null { pending[id] = call }
    dispatch(call)
  }

  private func end(_ call: Call, _ id: RPCIdentifier) {
    pendingCalls -= 1
    if pending[id] === call { pending[id] = nil }
  }

  private func cancel(_ params: JSON?) {
    guard case .object(let object)? = params, let id = object["id"].flatMap({ RPCIdentifier($0) }),
      let call = pending[id], let onCancel = call.onCancel
    else { return }
    onCancel()
    call.fail(.requestCancelled)
  }

  // MARK: - Output

  /// Appends a notification without telling `onOutput`: whoever says something unasked may have more to say.
  public func enqueue(_ method: String, _ params: JSON) {
    guard !isClosed else { return }
    outgoing.append(.notification(method: method, params: params), framed: framing)
  }

  /// So much of what is outgoing was sent.
  public func sent(_ count: Int) { outgoing.remove(count) }

  private func send(_ message: RPCMessage, framed framing: Framing) {
    guard !isClosed else { return }
    outgoing.append(message, framed: framing)
    onOutput()
  }

  private func gather(_ answer: RPCMessage?, in batch: Batch, framed framing: Framing) {
    guard !isClosed else { return }
    gathered += batch.add(answer)
    guard let answers = batch.whole else { return }
    gathered -= answers.count
    guard !answers.isEmpty else { return }
    outgoing.append(json: answers, framed: framing)
    onOutput()
  }
}

/// Gathers the answers to a batch of calls, as they will be sent: an array.
private final class Batch {
  private var awaited: Int
  private var answers: [UInt8] = []

  init(awaiting count: Int) { awaited = count }

  /// Takes the next answer, nil for a call that gets none; by how many bytes it has grown.
  func add(_ answer: RPCMessage?) -> Int {
    let before = answers.count
    awaited -= 1
    if let answer {
      answers.append(answers.isEmpty ? UInt8(ascii: "[") : UInt8(ascii: ","))
      answer.json.write(to: &answers)
    }
    if awaited == 0 && !answers.isEmpty { answers.append(UInt8(ascii: "]")) }
    return answers.count - before
  }

  /// All of it, when no answer is awaited any more.
  var whole: [UInt8]? { awaited == 0 ? answers : nil }
}
