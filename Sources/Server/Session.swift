internal import Host
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import RPC
internal import Wire

/// One client: its connection, its calls, what it has subscribed to.
///
/// What it does not read is not made: it is not read from while much waits for it, its subscriptions are served from
/// files, and of changes it gets the newest.
@LoopActor final class Session: EventSource, RunObserver {
  private enum Tag {
    static let input = 0
    static let output = 1
    static let retry = 2
    static let farewell = 3
  }

  /// More than this that waits to be read is enough: further calls have time.
  private static let comfortable = 512 * 1024
  /// The same for what nobody has called for. So the answer to a call never stands behind more than this and one
  /// notification, and a client that follows many runs is still heard.
  private static let comfortableEvents = 64 * 1024
  /// How long a client whose input is over may take to read what it was answered.
  private static let farewellPatience = TimeSpan.seconds(10)
  /// How soon a transcript is looked at again that could not be read.
  private static let retryInterval = TimeSpan.milliseconds(500)
  private static let mostSubscriptions = 256
  /// So many calls of one client have the host's other threads at work at a time; the others take their turn.
  private static let mostAtWork = 2
  /// A client with more calls that could not begin is not read from.
  private static let mostPostponed = 64

  let host: Host
  /// Whom the client speaks for: what its runs get, and where they work.
  var caller: Caller
  private(set) weak var reception: Reception?
  private var channel: Channel?
  private let conversation: Conversation
  private let retryTimer = LoopTimer(tag: Tag.retry)
  private let farewellTimer = LoopTimer(tag: Tag.farewell)
  private(set) var isInputOver = false
  private(set) var isShutDown = false
  /// What waits for runs in its name.
  var waits: [ObjectIdentifier: Waiting] = [:]
  /// What others do in its name.
  var relays: [ObjectIdentifier: Relay] = [:]

  private var subscriptions: [Subscription] = []
  private var lastSubscription = 0
  /// The newest that is known of the runs that are subscribed to.
  private var latest: [RunID: RunRecord] = [:]
  /// Runs whose change the client has not been told yet, since it does not read.
  private var untold: [RunID] = []
  /// The subscription whose turn is next, and whether one is owed.
  private var nextTurn = 0
  private var owesTurn = false
  /// Calls that wait until there is room for their answers.
  private var postponed: [(method: Method, call: Call)] = []
  private var atWork = 0
  private var isTaking = false

  init(_ channel: consuming Channel, host: Host, reception: Reception, caller: Caller) throws(SystemError) {
    self.host = host
    self.reception = reception
    self.caller = caller
    let dispatcher = Dispatcher()
    conversation = Conversation(tooMany: Self.tooManyCalls) { dispatcher.dispatch($0) }
    conversation.conceal = { [weak self] error in self?.withoutSecrets(error) ?? error }
    try channel.watch(input: Tag.input, output: Tag.output, source: self)
    self.channel = consume channel
    dispatcher.session = self
    conversation.onOutput = { [weak self] in self?.flush() }
  }

  /// Between the conversation, which is made first, and the session.
  @LoopActor private final class Dispatcher {
    weak var session: Session?

    func dispatch(_ call: Call) {
      guard let session else { return }
      if let method = Methods.byName[call.method] { return session.take(call, method) }
      call.fail(RPCError(code: RPCError.methodNotFound.code, message: "there is no method “\(call.method)”"))
    }
  }

  private static let tooManyCalls: RPCError = {
    let limit = Conversation.Limits().pendingCalls
    return ProtocolError.tooManyCalls.error(
      "\(limit) calls wait for their answers; wait for some", ["limit": .integer(Int64(limit))])
  }()

  var isClosed: Bool { channel == nil }

  /// An error as it may be read by whoever reads a client's log.
  private func withoutSecrets(_ error: RPCError) -> RPCError {
    let mask = SecretMask(environment: caller.environment)
    guard !mask.isEmpty else { return error }
    let data = error.data.flatMap { try? JSON.parse(mask.masked($0.text)) }
    return RPCError(code: error.code, message: mask.masked(error.message), data: data)
  }

  // MARK: - Calls

  /// Begins a call, when those before it have begun and its answer has room.
  private func take(_ call: Call, _ method: Method) {
    postponed.append((method, call))
    takePostponed()
  }

  private func takePostponed() {
    // An answer makes for a look at what else can begin: one after the other, and not one inside the other.
    guard !isTaking else { return }
    isTaking = true
    defer { isTaking = false }
    while !isClosed, hasRoom, let next = postponed.first, !next.method.isSlow || atWork < Self.mostAtWork {
      postponed.removeFirst()
      if next.method.isSlow {
        atWork += 1
        next.call.onEnd = { [weak self] in
          self?.atWork -= 1
          self?.takePostponed()
        }
      }
      next.method.perform(next.call, for: self)
    }
  }

  // MARK: - Events

  func ready(_ tag: Int, _ readiness: Readiness) {
    guard tag == Tag.input else { return outputReady(readiness) }
    switch read() {
    case .bytes(let count):
      if let buffer = reception?.buffer {
        conversation.feed(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)).bytes)
      }
      if conversation.isLost { end() } else { settle() }
    case .wouldBlock: break
    case .end, nil: end()
    }
  }

  private func outputReady(_ readiness: Readiness) {
    // Nobody reads any more. What was said before is still heard: to say something and leave is no mistake.
    if !readiness.isDisjoint(with: [.failed, .hungUp]) { return deafen() }
    pump()
  }

  func timerFired(_ tag: Int) { if tag == Tag.farewell { close() } else { pump() } }

  private func read() -> ReadOutcome? {
    guard let buffer = reception?.buffer else { return nil }
    return try? channel?.input.read(into: buffer)
  }

  // MARK: - The end

  /// The client says no more: what it has asked is answered, what it waits for is answered as it stands, and then it is
  /// let go, with what was to end with it.
  func end() {
    guard !isInputOver, !isClosed else { return }
    isInputOver = true
    conversation.finish()
    for waiting in Array(waits.values) { waiting.end(false) }
    for relay in Array(relays.values) { relay.endWait() }
    for name in subscriptions.map(\.name) { _ = unsubscribe(name) }
    channel?.muteInput()
    farewellTimer.arm(at: Loop.shared.now + Self.farewellPatience, source: self)
    flush()
  }

  /// Takes no new work from this client; of a host that is its child, from nobody.
  func shutDown() {
    isShutDown = true
    if caller.ownsHost { host.drain(for: host.configuration.drain) }
  }

  /// What becomes of a run when this client vanishes.
  func onDisconnect(_ wish: OnDisconnect?) throws(RPCError) -> OnDisconnect {
    guard reception?.endsWithClient == true else { return wish ?? .keep }
    guard wish != .keep else {
      throw .wrong("“on_disconnect”: this host ends with its client, and cannot keep a run; a background host can")
    }
    return .cancel
  }

  private func deafen() {
    conversation.sent(conversation.outgoing.count)
    if caller.ownsHost || isInputOver { return close() }
    channel?.muteOutput()
  }

  func close() {
    guard !isClosed else { return }
    channel.take()?.close()
    postponed = []
    conversation.close()
    for waiting in Array(waits.values) { waiting.stop() }
    for relay in Array(relays.values) { relay.close() }
    for run in latest.keys { host.ignore(run, self) }
    subscriptions = []
    retryTimer.disarm()
    farewellTimer.disarm()
    host.disconnected(ObjectIdentifier(self))
    reception?.ended(self)
  }

  // MARK: - Output

  /// Sends what can be sent now.
  private func flush() {
    do {
      while conversation.outgoing.count > 0 {
        let written = try conversation.outgoing.withBytes { (bytes) throws(SystemError) in
          try channel?.output.write(bytes) ?? 0
        }
        guard written > 0 else { break }
        conversation.sent(written)
      }
    } catch {
      return deafen()
    }
    settle()
  }

  /// Sees to what follows from how much waits.
  private func settle() {
    guard !isClosed else { return }
    if conversation.isOverflowing { return close() }
    takePostponed()
    guard !isClosed else { return }
    let unread = conversation.unread
    if isInputOver && unread == 0 && conversation.pendingCalls == 0 { return close() }
    channel?.setInterest(
      reads: !isInputOver && unread < Self.comfortable && postponed.count < Self.mostPostponed,
      writes: conversation.outgoing.count > 0 || owesTurn)
    if hasRoomForEvents { for relay in relays.values { relay.resume() } }
  }

  private var hasRoom: Bool { conversation.outgoing.count < Self.comfortable }

  var hasRoomForEvents: Bool { conversation.outgoing.count < Self.comfortableEvents }

  // MARK: - Subscriptions

  /// Throws when this client can have no more subscriptions.
  func checkSubscriptions() throws(RPCError) {
    guard subscriptions.count + relays.count < Self.mostSubscriptions else {
      throw ProtocolError.tooManySubscriptions.error(
        "this client has \(Self.mostSubscriptions) subscriptions; end some",
        ["limit": .integer(Int64(Self.mostSubscriptions))])
    }
  }

  func subscribe(to run: RunRecord, after: Int64) -> String {
    let name = nextSubscription()
    add(name, to: run, after: after)
    return name
  }

  private func add(_ name: String, to run: RunRecord, after: Int64) {
    if !subscriptions.contains(where: { $0.run == run.id }) { _ = host.observe(run.id, self) }
    subscriptions.append(Subscription(name: name, run: run, after: after, state: host.state))
    latest[run.id] = run
  }

  func nextSubscription() -> String {
    lastSubscription += 1
    return "s\(lastSubscription)"
  }

  /// A subscription that another host has served, until it died.
  func adopt(_ name: String, of run: RunRecord, after: Int64) {
    guard !isClosed, !isInputOver else { return }
    add(name, to: run, after: after)
    begun(run)
  }

  /// The client knows of its subscription: now it is served.
  func begun(_ run: RunRecord) {
    // Of a run that is not here any more nothing more will be heard, so how it stands is said now.
    if host.run(run.id) == nil { runChanged(run) } else { pump() }
  }

  func unsubscribe(_ name: String) -> Bool {
    if let relay = relays.values.first(where: { $0.subscription == name }) {
      relay.close()
      return true
    }
    guard let index = subscriptions.firstIndex(where: { $0.name == name }) else { return false }
    let run = subscriptions.remove(at: index).run
    if !subscriptions.contains(where: { $0.run == run }) {
      host.ignore(run, self)
      latest[run] = nil
      untold.removeAll { $0 == run }
    }
    return true
  }

  /// Sends what the subscriptions have, as long as the client reads; one notification each in a turn, so that
  /// others get their turn too.
  private func pump() {
    guard !isClosed else { return }
    owesTurn = false
    tellChanges()
    for _ in subscriptions.indices {
      let next = (nextTurn + 1) % subscriptions.count
      // Whoever finds no room is the first when there is, also when all this is written at once.
      if subscriptions[next].isDue && !hasRoomForEvents {
        owesTurn = true
        break
      }
      nextTurn = next
      serve(subscriptions[next])
    }
    dropFinished()
    flush()
  }

  private func serve(_ subscription: Subscription) {
    guard subscription.isDue, let run = host.run(subscription.run) ?? latest[subscription.run] else { return }
    switch subscription.next(run, { conversation.enqueue("run/appended", $0) }) {
    // To be told that it can be written is how a session gets its next turn.
    case .more: owesTurn = true
    case .nothing: break
    case .unreadable:
      if retryTimer.deadline == .never { retryTimer.arm(at: Loop.shared.now + Self.retryInterval, source: self) }
    }
  }

  /// A subscription that has brought everything, and told how it ended, is over by itself.
  private func dropFinished() {
    for subscription in subscriptions where subscription.isOver && !untold.contains(subscription.run) {
      // The client is still to hear of the verdict, or that it is recorded at last.
      guard let told = latest[subscription.run], told.status.isTerminal,
        told.isRecorded || host.run(subscription.run) == nil
      else { continue }
      _ = unsubscribe(subscription.name)
    }
  }

  func runAppended(_ run: RunRecord) {
    for subscription in subscriptions where subscription.run == run.id { subscription.isDue = true }
    // While the client has not read what it was sent it is told later that there is more.
    if conversation.outgoing.count == 0 { pump() } else { owesTurn = true }
  }

  func runChanged(_ run: RunRecord) {
    latest[run.id] = run
    for subscription in subscriptions where subscription.run == run.id { subscription.isDue = true }
    if !untold.contains(run.id) { untold.append(run.id) }
    pump()
  }

  private func tellChanges() {
    while hasRoomForEvents, let id = untold.first {
      untold.removeFirst()
      if let run = latest[id] { conversation.enqueue("run/changed", ["run": RunJSON.object(run, isExcerpt: true)]) }
    }
  }

  func runRefused(_ run: RunID, _ error: HostError) {}

  /// Passes back what another host says.
  func passBack(_ method: String, _ params: [UInt8]) {
    conversation.enqueue(method, .raw(params))
    flush()
  }

  // MARK: - For methods

  /// Looks a run up for a call, wherever it ran.
  func withRun(_ id: RunID, _ call: Call, _ body: @escaping @LoopActor (RunRecord) -> Void) {
    host.find(id) { [weak self] result in
      guard let self, !isClosed else { return }
      switch result {
      case .success(let run?): body(run)
      case .success(nil): call.fail(ProtocolError.runNotFound.error("there is no run \(id)"))
      case .failure(let error): call.fail(ProtocolError.error(error))
      }
    }
  }
}

/// Whom a client speaks for.
struct Caller {
  /// What its runs get, of which their plugins say what they are given.
  var environment: [String: String]
  /// Where its runs work unless they are told otherwise; nil when that must be said.
  var directory: String?
  /// Whether the host is this client's own child, and ends with it.
  let ownsHost: Bool
  /// The runs inside which the client stands, as the kernel knows it: what it starts is theirs, whatever it says.
  var marks: String?

  /// Speaks for somebody with another environment.
  mutating func adopt(_ environment: [String: String]) {
    self.environment = environment
    if environment[RunMark.variable] == nil { self.environment[RunMark.variable] = marks }
  }
}
