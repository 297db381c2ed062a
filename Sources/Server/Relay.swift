internal import Glibc
internal import Host
internal import Kernel
internal import Loop
internal import Model
internal import RPC
internal import Wire

/// A call that another host must answer, since it owns the run: passed on to it, and its answer passed back. If it
/// subscribes to the run, all that the owner says of the run is passed back as well, byte for byte.
@LoopActor final class Relay: EventSource {
  /// How soon an owner that hangs up is looked for again: one that dies is found dead a moment later.
  private static let retryInterval = TimeSpan.milliseconds(200)
  private enum Tag {
    static let socket = 0
    static let retry = 1
    static let answer = 2
  }
  /// How long an owner that cannot be reached may be one whose runs are just being settled.
  private static let settlingPatience = TimeSpan.seconds(15)
  /// How much longer than it was told to wait it may take to say so.
  private static let waitGrace = TimeSpan.milliseconds(500)
  private static let subscribing = "run/subscribe"

  private let session: Session
  private let run: RunRecord
  private let call: Call
  private var params: JSON
  private let whenDead: (RunRecord) -> Void
  private let retryTimer = LoopTimer(tag: Tag.retry)
  private let answerTimer = LoopTimer(tag: Tag.answer)
  /// How long its answer may take; nil is for ever.
  private let patience: TimeSpan?
  /// Whether the owner is asked to wait for something.
  private let isWait: Bool
  /// Until when an owner that hangs up is looked for.
  private var deadline: Instant?
  private var socket: Watched<Descriptor>?
  private var splitter = MessageSplitter(limit: 64 << 20)
  private var notification = LineScanner(wanted: WantedMembers(["method", "params"]))
  private var appended = LineScanner(wanted: WantedMembers(["first", "events"]))
  /// The number of the last event that was passed back.
  private var lastEvent: Int64 = 0
  /// How many events there are, once nothing of the run is left.
  private var end: Int64?
  /// What the client calls its subscription, if it has one.
  private(set) var subscription: String?

  /// Whether the owner is asked to wait, and how long at most.
  enum Wait {
    case no
    case until(TimeSpan?)
  }

  /// Passes a call on. When the owner turns out to have died, what it left is settled, and `whenDead` is told the run.
  static func begin(
    for run: RunRecord, _ call: Call, _ params: JSON, waiting wait: Wait = .no, _ session: Session,
    whenDead: @escaping (RunRecord) -> Void
  ) {
    guard !session.isClosed else { return }
    if session.isInputOver, case .until = wait { return whenDead(run) }
    let relay = Relay(run, call, params, wait, session, whenDead)
    session.relays[ObjectIdentifier(relay)] = relay
    call.onCancel = { relay.close() }
    relay.reach()
  }

  private init(
    _ run: RunRecord, _ call: Call, _ params: JSON, _ wait: Wait, _ session: Session,
    _ whenDead: @escaping (RunRecord) -> Void
  ) {
    switch wait {
    case .no: patience = HostClient.patience
    case .until(let timeout): patience = timeout.map { $0 + Self.waitGrace }
    }
    isWait = if case .until = wait { true } else { false }
    self.session = session
    self.run = run
    self.call = call
    self.params = params
    self.whenDead = whenDead
  }

  private var isOpen: Bool { session.relays[ObjectIdentifier(self)] != nil }

  // MARK: - The owner

  private func reach() {
    session.host.reach(run) { [self] result in
      switch result {
      case .success(let raw?): connected(Descriptor(owning: raw))
      case .success(nil): ownerIsDead()
      case .failure(let error): hungUp(error)
      }
    }
  }

  func timerFired(_ tag: Int) {
    if tag == Tag.retry { return reach() }
    if isWait {
      close()
      return whenDead(run)
    }
    fail(
      HostError(.ownerUnreachable(run.host), "the host \(run.host) lives but does not answer; nothing was changed"))
  }

  private func connected(_ descriptor: consuming Descriptor) {
    // Nobody waits for it any more.
    guard isOpen else { return }
    var message: [UInt8] = []
    RPCMessage.request(id: .integer(1), method: call.method, params: params).encode(to: &message)
    do {
      // What asks for a run fits what a socket takes at once.
      guard try descriptor.write(message.span.bytes) == message.count else {
        throw SystemError(call: "write", code: EAGAIN)
      }
      socket = try Watched(descriptor, tag: Tag.socket, source: self)
      if let patience, subscription == nil { answerTimer.arm(at: Loop.shared.now + patience, source: self) }
    } catch {
      hungUp(HostError(.ownerUnreachable(run.host), "the host \(run.host) lives and cannot be told: \(error)"))
    }
  }

  private func ownerIsDead() {
    session.host.find(run.id) { [self] result in
      guard isOpen else { return }
      switch result {
      // Somebody else is just settling what the owner left.
      case .success(let run?) where !isKnownToTheEnd(run):
        hungUp(
          HostError(.ownerUnreachable(run.host), "the host \(run.host) has died, and what it left is not settled yet"))
      case .success(let run?):
        close()
        if let subscription { session.adopt(subscription, of: run, after: lastEvent) } else { whenDead(run) }
      case .success(nil): fail(HostError(.runNotFound, "there is no run \(run.id)"))
      case .failure(let error): fail(error)
      }
    }
  }

  /// Whether nothing more will become known that whoever asked wants to know.
  private func isKnownToTheEnd(_ run: RunRecord) -> Bool {
    run.status.isTerminal && (subscription == nil || run.gone != nil || run.disposal == .stuck)
  }

  private func fail(_ error: any Error) {
    close()
    call.fail(ProtocolError.error(error))
    guard let subscription else { return }
    // The client knows of no call any more: it is told what is known, and that is the end.
    session.host.find(run.id) { [self] result in
      if case .success(let run?) = result { session.adopt(subscription, of: run, after: lastEvent) }
    }
  }

  // MARK: - What it says

  func ready(_ tag: Int, _ readiness: Readiness) {
    guard let buffer = session.reception?.buffer else { return close() }
    switch (try? socket?.owner.read(into: buffer)) ?? .end {
    case .bytes(let count):
      var splitter = MessageSplitter(limit: 0)
      swap(&splitter, &self.splitter)
      splitter.feed(
        UnsafeRawBufferPointer(rebasing: buffer.prefix(count)).bytes, message: { take($1) }, refused: { _, _ in })
      swap(&splitter, &self.splitter)
    case .wouldBlock: break
    case .end: hungUp(HostError(.ownerUnreachable(run.host), "the host \(run.host) lives and hangs up"))
    }
    if !session.hasRoomForEvents { socket?.setInterest([]) }
  }

  /// The client has room for more.
  func resume() { socket?.setInterest(.readable) }

  /// It may be about to die, and not be known to be dead.
  private func hungUp(_ error: any Error) {
    socket.take()?.close()
    splitter = MessageSplitter(limit: 64 << 20)
    guard isOpen else { return }
    let now = Loop.shared.now
    let deadline = deadline ?? now + Self.settlingPatience
    self.deadline = deadline
    guard now < deadline else { return fail(error) }
    retryTimer.arm(at: Loop.shared.now + Self.retryInterval, source: self)
  }

  private func take(_ line: RawSpan) {
    guard isOpen else { return }
    if notification.scan(line) == .object, let method = notification.value(0), let given = notification.value(1) {
      return passBack(line, method, given)
    }
    switch RPCInput.parse(line) {
    case .single(.message(.success(_, let result))): answered(result)
    case .single(.message(.failure(_, let error))): fail(error)
    default: break
    }
  }

  private func answered(_ result: JSON) {
    answerTimer.disarm()
    deadline = nil
    guard call.method == Self.subscribing else {
      call.succeed(result)
      return close()
    }
    // Of a second owner's answer, or the first one's after a hang-up, the client knows already.
    guard subscription == nil else { return }
    let name = session.nextSubscription()
    subscription = name
    call.succeed(["subscription": .string(name)])
  }

  private func passBack(_ line: RawSpan, _ method: Range<Int>, _ given: Range<Int>) {
    let isAppended = JSONString.equals(line, range: method, "run/appended")
    let content = line.extracting(given)
    if isAppended, appended.scan(content) == .object, let first = appended.value(0), let events = appended.value(1),
      let number = JSONScalar.integer(content, range: first)
    {
      var count: Int64 = 0
      JSONElements.forEach(content, range: events) { _ in count += 1 }
      lastEvent = number + count - 1
      // Should this owner hang up, the next one is to go on from here.
      params = ["run": .string(run.id.description), "after": .integer(lastEvent)]
    }
    var bytes: [UInt8] = []
    content.append(0..<content.byteCount, to: &bytes)
    if !isAppended { noteEnd(content) }
    session.passBack(isAppended ? "run/appended" : "run/changed", bytes)
    // Nothing more will be heard of it.
    if let end, lastEvent >= end { close() }
  }

  private func noteEnd(_ content: RawSpan) {
    guard case .object(let params)? = try? JSON.parse(content), case .object(let run)? = params["run"],
      case .string? = run["gone"], case .integer(let events)? = run["events"]
    else { return }
    end = events
  }

  // MARK: - The end

  /// The client says no more, and waits for nothing; what it has asked to be done is still done.
  func endWait() {
    guard isWait || subscription != nil else { return }
    close()
    guard subscription == nil else { return }
    session.host.find(run.id) { [self] result in whenDead((try? result.get()) ?? run) }
  }

  func close() {
    retryTimer.disarm()
    answerTimer.disarm()
    socket.take()?.close()
    session.relays[ObjectIdentifier(self)] = nil
  }
}
