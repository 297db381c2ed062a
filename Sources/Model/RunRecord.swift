/// A run as everybody outside sees it: what the ledger keeps and what the protocol sends.
///
/// An absent value is unknown, never zero.
public struct RunRecord: Hashable, Sendable {
  /// Its name.
  public var id: RunID
  /// The plugin it runs.
  public var plugin: String
  /// The host that owns it.
  public var host: HostID
  /// How the work goes, or went.
  public var status: Status = .queued
  /// Why it ended as it did; `nil` while it lives and when it succeeded.
  public var reason: String?
  /// What became of its processes.
  public var disposal: Disposal = .none
  /// What is worth a look.
  public var flags: Flags = []
  /// When it was accepted.
  public var created: Timestamp
  /// When its program began.
  public var started: Timestamp?
  /// When the verdict was given.
  public var settled: Timestamp?
  /// When the last of its processes was gone.
  public var gone: Timestamp?
  /// The directory it works in.
  public var directory: String
  /// What it was asked.
  public var prompt: String
  /// The agent's own session, as it named it.
  public var session: String?
  /// What the client hung on it.
  public var labels: JSONText
  /// The limits, each with its origin.
  public var limits: JSONText
  /// The run whose session it goes on with.
  public var resumes: RunID?
  /// The run that goes on with its session; the ledger alone says so.
  public var resumedBy: RunID?
  /// Whether another run may go on with its session; the ledger alone says so.
  public var isResumable = false
  /// The run from inside which it was started.
  public var parent: RunID?
  /// The name that a client gave the request, so that asking again is no second request.
  public var key: String?
  /// The digest of that request, by which another one is told from it.
  public var request: String?
  /// What it is judged by, for whoever must judge it in the place of a host that died.
  public var terms: JSONText?
  /// Which variables its program was given, which not, and which it lacks: their names, never their values.
  public var environment: JSONText?
  /// Its place among those that wait, from 1; only its host knows.
  public var position: Int?
  /// What its agent is at, for people; only its host knows.
  public var activity: String?
  /// The result, exactly as the agent gave it.
  public var output: JSONText?
  /// The final answer, for people.
  public var text: String?
  /// What went wrong, for people.
  public var error: String?
  /// Why its program could not be started; known to the host that tried, and kept as evidence.
  public var startFailure: StartFailure?
  /// How its leader ended.
  public var exit: ProcessExit?
  /// What the agent says it used.
  public var usage: JSONText?
  /// What the agent says it cost, in dollars.
  public var cost: Double?
  /// The figures that the agent adds up over its whole session, as it gave them.
  public var cumulative: JSONText?
  /// How many lines it wrote.
  public var events: Int64 = 0
  /// How many of them are in the transcript; fewer when it could not be written.
  public var eventsStored: Int64 = 0
  /// How many of them, from the first, are JSON values, as far as this host has seen it; not kept.
  public var jsonEvents: Int64 = 0
  /// How many bytes it wrote.
  public var bytes: Int64 = 0
  /// How many of its lines were not JSON.
  public var noise: Int64 = 0
  /// The process id of its leader.
  public var pid: Int32?
  /// When the kernel says its leader began, in ticks since boot: with the pid it names one process.
  public var startTicks: Int64?
  /// What holds on to its processes.
  public var containment: Containment?
  /// The directories of its control groups, one a line, for whoever must find what is left of it after its host.
  public var controlGroups: String?
  /// The most memory its tree may use, in bytes.
  public var memoryLimit: Int64?
  /// Who sees to that.
  public var memoryEnforcer: Enforcer?
  /// The most memory that its tree was seen to use, in bytes.
  public var memoryPeak: Int64?
  /// The most processes and threads that its tree was seen to have.
  public var tasksPeak: Int64?
  /// Processor time of its tree.
  public var cpuMilliseconds: Int64?
  /// What was still alive after its end, by name and pid, as a JSON list; nil while nobody has looked.
  public var leftovers: JSONText?
  /// Whether the ledger has what this says.
  public var isRecorded = true

  /// A run that was just accepted.
  public init(
    id: RunID, plugin: String, host: HostID, created: Timestamp, directory: String, prompt: String,
    labels: JSONText, limits: JSONText
  ) {
    self.id = id
    self.plugin = plugin
    self.host = host
    self.created = created
    self.directory = directory
    self.prompt = prompt
    self.labels = labels
    self.limits = limits
  }
}

/// Why a program could not be started.
public struct StartFailure: Hashable, Sendable {
  /// What was being done.
  public let step: String
  /// The symbol of the error, like `ENOENT`.
  public let error: String
  /// The program.
  public let path: String

  /// A failure of this step with this program.
  public init(step: String, error: String, path: String) {
    self.step = step
    self.error = error
    self.path = path
  }
}
