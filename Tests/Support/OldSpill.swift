public import Model

/// The spill of a host of version 4, as that version wrote it: byte by byte, and not by what Reeve knows of it today.
public struct OldSpill {
  /// What is in the file.
  public private(set) var bytes: [UInt8] = []
  private var entry: [UInt8] = []

  /// A spill with the row of its host; with another number in its entries it is of no version that there was.
  public init(of host: HostRecord, version: Int64 = 4) {
    begin(version, kind: 0)
    text(host.id.description)
    integer(Int64(host.pid))
    integer(host.startTicks)
    text(host.boot)
    text(host.version)
    integer(host.started.milliseconds)
    integer(Int64(bitPattern: host.lock.device))
    integer(Int64(bitPattern: host.lock.inode))
    integer(host.folder.map { Int64(bitPattern: $0.device) })
    integer(host.folder.map { Int64(bitPattern: $0.inode) })
    text(host.sockets)
    text(host.controlGroups.isEmpty ? nil : host.controlGroups.joined(separator: "\n"))
    end()
  }

  /// Puts a change of status behind the rest.
  public mutating func append(_ run: RunRecord, from status: Status, evidence: String, version: Int64 = 4) {
    begin(version, kind: 1)
    text(status.rawValue)
    text(evidence)
    for value in [run.id.description, run.host.description, run.plugin] { text(value) }
    integer(run.created.milliseconds)
    for value in [run.directory, run.prompt, run.labels.text, run.limits.text] { text(value) }
    for value in [run.resumes?.description, run.parent?.description, run.terms?.text, run.key, run.request] {
      text(value)
    }
    text(run.status.rawValue)
    text(run.reason)
    integer(run.settled?.milliseconds)
    for value in [run.output?.text, run.text, run.error] { text(value) }
    text(run.disposal.rawValue)
    text(run.flags.words.joined(separator: " "))
    integer(run.started?.milliseconds)
    integer(run.gone?.milliseconds)
    integer(run.pid.map { Int64($0) })
    integer(run.startTicks)
    text(run.session)
    switch run.exit {
    case .code(let code): for value in [Int64(code), nil] { integer(value) }
    case .signal(let signal): for value in [nil, Int64(signal)] { integer(value) }
    case nil: for _ in 0..<2 { integer(nil) }
    }
    text(run.usage?.text)
    number(run.cost)
    for value in [run.events, run.eventsStored, run.bytes, run.noise] { integer(value) }
    text(run.containment?.rawValue)
    text(run.controlGroups)
    integer(run.memoryLimit)
    text(run.memoryEnforcer?.rawValue)
    for value in [run.memoryPeak, run.tasksPeak, run.cpuMilliseconds] { integer(value) }
    text(run.leftovers?.text)
    end()
  }

  private mutating func begin(_ version: Int64, kind: Int64) {
    entry = []
    integer(version)
    integer(kind)
  }

  private mutating func end() {
    var sum: UInt32 = 2_166_136_261
    for byte in entry { sum = (sum ^ UInt32(byte)) &* 16_777_619 }
    for word in [UInt32(entry.count), sum] { bytes += (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    bytes += entry
  }

  private mutating func integer(_ value: Int64?) {
    entry.append(value == nil ? 0 : 1)
    if let value { word(UInt64(bitPattern: value)) }
  }

  private mutating func number(_ value: Double?) {
    entry.append(value == nil ? 0 : 2)
    if let value { word(value.bitPattern) }
  }

  private mutating func text(_ value: String?) {
    entry.append(value == nil ? 0 : 3)
    guard let value else { return }
    word(UInt64(value.utf8.count))
    entry += Array(value.utf8)
  }

  private mutating func word(_ word: UInt64) {
    entry += (0..<8).map { UInt8(truncatingIfNeeded: word >> (UInt64($0) * 8)) }
  }
}
