internal import Kernel
internal import Model
internal import Plugins
internal import RPC
internal import Supervision
internal import Wire

/// What becomes of a run whose client vanishes.
enum OnDisconnect: String, CaseIterable {
  case cancel, keep
}

/// What a client can wait for.
enum Milestone: String, CaseIterable {
  /// The verdict.
  case settled
  /// Nothing of the run is left, or it is given up as stuck.
  case gone
}

/// The parameters that methods take.
enum Wanted {
  // MARK: - Of a new run

  static let plugin = Parameter.text("plugin", "the name of the plugin")
  static let prompt = Parameter.text(
    "prompt", "what the agent is asked: up to 128 KiB, or 8 MiB where its plugin takes it as a file"
  ).orNothing
  static let model = Parameter.text("model", "the model it is to use").orNothing
  static let agentSession = Parameter.text("session", "the agent's session that is to go on").orNothing
  static let limits = texts(
    "limits", "limits by name, like {\"wall\": \"10m\"}", .either([.text, .number]), room: .limits)
  static let labels = texts("labels", "what to find the run by", .text, room: .labels)
  static let environment = texts("env", "variables beside the caller's own", .text, room: .environment)
  static let onBusy = Parameter<RunRequest.OnBusy>.word(
    "on_busy", "when another run writes to its directory (default: refuse)"
  ).orNothing
  static let onDisconnect = Parameter<OnDisconnect>.word(
    "on_disconnect",
    "what becomes of the run when this client vanishes; a host of the client's own can only cancel, a socket's keeps unless it is told otherwise"
  ).orNothing
  static let key = Parameter<String>.required(
    "key", .text,
    "a name for this request: made again, as after a lost answer, it gives the same run. At most 256 bytes"
  ) { (value) throws(RPCError) in
    guard case .string(let key) = value, (1...256).contains(key.utf8.count) else {
      throw .wrong("“key” must be a string of 1 to 256 bytes")
    }
    return key
  }.orNothing
  static let subscribe = Parameter<Bool>.flag("subscribe", "send its events and changes without a further call")
  static let directory = path("cwd", "the directory it works in, absolute (default: the client's)")
  static let project = path(
    "cwd", "a directory whose project's own plugins are found as well, absolute (default: the client's)")

  // MARK: - Of a run that is there

  static let run = name("run", "the name of the run")
  static let urgency = Parameter<RunMachine.Urgency>.word("urgency", "“now” leaves it no time (default: normal)")
    .orNothing
  static let reason = Parameter<Verdict.Cancellation>.word("reason", "what is recorded (default: client)").orNothing
  static let expires = Parameter<Int64>.required(
    "expires", .whole, "a time in milliseconds since 1970, after which nobody wants this any more and nothing is done"
  ) { (value) throws(RPCError) in
    guard case .integer(let time) = value else { throw .wrong("“expires” must be a whole number") }
    return time
  }.orNothing
  static let wait = Parameter<WaitForGone>.word("wait", "answer only when nothing of it is left").orNothing
  static let timeout = span("timeout", "how long to wait, like 10s")
  static let until = Parameter<Milestone>.word("until", "what to wait for (default: settled)").orNothing
  static let after = Parameter.count(
    "after", "only the events behind this number", in: 0...Int64.max, else: 0)
  static let eventLimit = Parameter.count("limit", "no more than so many (default 100)", in: 1...1000, else: 100)
  static let subscription = Parameter.text("subscription", "its name")

  enum WaitForGone: String, CaseIterable {
    case gone
  }

  // MARK: - Of lists

  static let statuses = Parameter<[Status]>.optional(
    "status", .either([statusWord, .list(of: statusWord)]), "only runs of this status, or of one of these", else: []
  ) { (value) throws(RPCError) in
    let words: [JSON]
    if case .array(let list) = value { words = list } else { words = [value] }
    var statuses: [Status] = []
    for word in words {
      guard case .string(let text) = word, let status = Status(rawValue: text) else {
        throw .wrong("“status” is one of \(Status.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", "))")
      }
      statuses.append(status)
    }
    return statuses
  }
  static let withPlugin = Parameter.text("plugin", "only runs of this plugin").orNothing
  static let withLabels = texts("label", "only runs that have these labels", .text, room: .labels)
  static let before = name("before", "only runs older than this one").orNothing
  static let runLimit = Parameter.count("limit", "no more than so many (default 50)", in: 1...500, else: 50)

  private static let statusWord = Shape.word(Status.allCases.map(\.rawValue))

  // MARK: - Of a client

  static let clientEnvironment = texts(
    "environment", "the client's environment, of which what it starts gets what its plugin passes", .text,
    room: .environment
  ).orNothing
  static let clientDirectory = path(
    "cwd", "the client's directory, in which its runs work unless they are told otherwise")

  // MARK: - Kinds

  private static func path(_ name: String, _ meaning: String) -> Parameter<String?> {
    Parameter<String>.required(name, .text, meaning) { (value) throws(RPCError) in
      guard case .string(let path) = value, path.hasPrefix("/"), !path.utf8.contains(0) else {
        throw .wrong("“\(name)” must be an absolute path")
      }
      return path
    }.orNothing
  }

  private static func name(_ name: String, _ meaning: String) -> Parameter<RunID> {
    .required(name, Shapes.anIdentifier, meaning) { (value) throws(RPCError) in
      guard case .string(let text) = value else { throw .wrong("“\(name)” must be a string") }
      guard let run = RunID(text) else { throw .wrong("“\(text)” is no name of a run") }
      return run
    }
  }

  /// A length of time like “90s”.
  static func span(_ name: String, _ meaning: String) -> Parameter<TimeSpan?> {
    Parameter<TimeSpan>.required(name, .text, meaning) { (value) throws(RPCError) in
      guard case .string(let text) = value, let span = LimitText.value(text, unit: .time) else {
        throw .wrong("“\(name)” should be a number and a unit like 90s, 10m or 2h")
      }
      return TimeSpan(nanoseconds: span)
    }.orNothing
  }

  /// How much an object of texts may hold: it is kept, or handed on, with every run.
  struct Room {
    let members, bytes: Int

    /// For what people or programs sort runs by.
    static let labels = Room(members: 64, bytes: 16 << 10)
    /// The kernel takes no more for a program's arguments and environment together, as the stack is usually limited.
    static let environment = Room(members: 4096, bytes: 2 << 20)
    /// Each is known by name, so this is never the first thing wrong.
    static let limits = Room(members: 64, bytes: 16 << 10)
  }

  /// Texts by name, in the order in which they were given.
  struct Texts {
    var pairs: [(name: String, value: String)] = []
  }

  /// An object of texts; where the shape lets numbers in they are taken as their text.
  private static func texts(_ name: String, _ meaning: String, _ shape: Shape, room: Room) -> Parameter<Texts> {
    let takesNumbers = if case .either = shape { true } else { false }
    return .optional(name, .map(of: shape), meaning, else: Texts()) { (value) throws(RPCError) in
      guard case .object(let object) = value else { throw .wrong("“\(name)” must be an object") }
      guard object.members.count <= room.members else {
        throw .wrong("“\(name)” has \(object.members.count) members; at most \(room.members)")
      }
      var texts = Texts()
      for member in object.members {
        switch member.value {
        case .string(let text): texts.pairs.append((member.key, text))
        case .integer(let number) where takesNumbers: texts.pairs.append((member.key, String(number)))
        case .number(let number) where takesNumbers: texts.pairs.append((member.key, LimitText.decimal(number)))
        default: throw .wrong("“\(name).\(member.key)” must be text")
        }
      }
      let bytes = texts.pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
      guard bytes <= room.bytes else { throw .wrong("“\(name)” takes \(bytes) bytes; at most \(room.bytes)") }
      return texts
    }
  }
}
