internal import Glibc
public import Kernel
public import Model

/// What a host could not record, kept beside the ledger until it can.
///
/// The file is made, and its room taken, when the host begins: on a full disk an append would fail as well. It holds
/// the host's own row and, behind it, each change that the ledger refused, in order. The host replays them from memory
/// and clears the file; if it dies before, whoever takes its lock replays the file, before anything else is said about
/// its runs.
///
/// Each entry is its length, a checksum and its values; zeros end the file. So an entry that was being written when the
/// host died is none.
public struct Spill: ~Copyable {
  /// A change that the ledger did not take.
  public enum Entry: Sendable {
    /// The row of a host.
    case host(HostRecord)
    /// A change of status.
    case change(RunRecord, from: Status, evidence: String?)
    /// Facts about a process.
    case facts(RunRecord)
  }

  /// Room for the verdicts of a few runs with long answers.
  static let reservedBytes: off_t = 256 * 1024
  private static let headerBytes = 8

  private let file: Descriptor
  /// Where the entries begin that are not the host's row.
  private let start: Int64
  private var end: Int64

  /// What the file of a host is called.
  public static func name(of host: HostID) -> String { "\(host).spill" }

  /// Makes the file of a host that begins. A disk that is full already leaves it without room, not without a spill.
  init(in folder: borrowing Directory, host: HostRecord) throws(SystemError) {
    let file = try folder.openFile(Self.name(of: host.id), flags: O_RDWR | O_CREAT | O_TRUNC)
    posix_fallocate(file.raw, 0, Self.reservedBytes)
    let start = try Self.write(.host(host), to: file, at: 0)
    self.file = file
    self.start = start
    end = start
  }

  /// Whether it holds nothing but its host's row.
  var isEmpty: Bool { end == start }

  /// Puts a change behind the others.
  mutating func append(_ entry: Entry) throws(SystemError) { end = try Self.write(entry, to: file, at: end) }

  /// Forgets what it holds: the ledger has it.
  mutating func clear() throws(SystemError) {
    guard !isEmpty else { return }
    // All of it: behind a shorter entry the rest of a longer one could look like another.
    let zeros = [UInt8](repeating: 0, count: Int(end - start))
    try file.writeAll(zeros.span.bytes, at: start)
    end = start
  }

  private static func write(_ entry: Entry, to file: borrowing Descriptor, at offset: Int64) throws(SystemError)
    -> Int64
  {
    var encoder = SpillEncoder()
    encoder.add(entry)
    let payload = encoder.bytes
    var frame: [UInt8] = []
    frame.reserveCapacity(payload.count + headerBytes)
    frame.append(contentsOf: bytes(UInt32(payload.count)))
    frame.append(contentsOf: bytes(checksum(payload[...])))
    frame.append(contentsOf: payload)
    try file.writeAll(frame.span.bytes, at: offset)
    return offset + Int64(frame.count)
  }

  /// What a file holds, as far as it makes sense; nothing when there is none. Older hosts may have died with a verdict that
  /// stands nowhere else, so theirs are read as well; one of a version that this one does not know is an error.
  public static func read(in folder: borrowing Directory, host: HostID) throws(SystemError) -> [Entry] {
    let file: Descriptor
    do {
      file = try folder.openFile(name(of: host), flags: O_RDONLY)
    } catch {
      // A host that ends takes its own away, whoever is looking.
      guard error.code == ENOENT else { throw error }
      return []
    }
    guard let bytes = try file.readAll(limit: .max) else { return [] }
    var entries: [Entry] = []
    var rest = bytes[...]
    while let length = word(&rest), length > 0, let sum = word(&rest), rest.count >= Int(length) {
      let payload = rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
      guard checksum(payload) == sum else { break }
      var decoder = SpillDecoder(payload)
      guard let version = decoder.integer().map({ Int(truncatingIfNeeded: $0) }),
        (RunColumns.oldestVersion...SpillKind.version).contains(version)
      else {
        throw SystemError(call: "spill", code: EPROTO, detail: "\(name(of: host)) was written by another version")
      }
      if let entry = decoder.entry(of: version) { entries.append(entry) }
    }
    return entries
  }

  private static func bytes(_ word: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }

  private static func word(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
    guard rest.count >= 4 else { return nil }
    defer { rest = rest.dropFirst(4) }
    return rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// FNV-1a: enough to tell an entry from half of one.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}

/// What each value begins with.
private enum SpillTag {
  static let none: UInt8 = 0
  static let integer: UInt8 = 1
  static let number: UInt8 = 2
  static let text: UInt8 = 3
}

private enum SpillKind {
  /// What a record looks like changes with the schema, and with nothing else.
  static let version = Schema.migrations.count
  static let host: Int64 = 0
  static let change: Int64 = 1
  static let facts: Int64 = 2
}

private struct SpillEncoder: ValueSink {
  var bytes: [UInt8] = []

  mutating func add(_ entry: Spill.Entry) {
    add(Int64(SpillKind.version))
    switch entry {
    case .host(let host):
      add(SpillKind.host)
      HostColumns.bind(host, &self)
    case .change(let run, let status, let evidence):
      add(SpillKind.change)
      add(status.rawValue)
      add(evidence)
      RunColumns.bindAll(run, &self)
    case .facts(let run):
      add(SpillKind.facts)
      RunColumns.bindAll(run, &self)
    }
  }

  mutating func add(_ value: Int64?) {
    guard let value else { return bytes.append(SpillTag.none) }
    bytes.append(SpillTag.integer)
    append(UInt64(bitPattern: value))
  }

  mutating func add(_ value: Double?) {
    guard let value else { return bytes.append(SpillTag.none) }
    bytes.append(SpillTag.number)
    append(value.bitPattern)
  }

  mutating func add(_ value: String?) {
    guard let value else { return bytes.append(SpillTag.none) }
    bytes.append(SpillTag.text)
    append(UInt64(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }

  private mutating func append(_ word: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
  }
}

private struct SpillDecoder: ValueSource {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func entry(of version: Int) -> Spill.Entry? {
    switch integer() {
    case SpillKind.host: return HostColumns.read(self).map { .host($0) }
    case SpillKind.change:
      guard let status = text().flatMap({ Status(rawValue: $0) }) else { return nil }
      let evidence = text()
      return run(of: version).map { .change($0, from: status, evidence: evidence) }
    case SpillKind.facts: return run(of: version).map { .facts($0) }
    default: return nil
    }
  }

  private func run(of version: Int) -> RunRecord? { RunColumns.read(self, writtenIn: version) }

  mutating func integer() -> Int64? { word(SpillTag.integer).map { Int64(bitPattern: $0) } }

  mutating func number() -> Double? { word(SpillTag.number).map { Double(bitPattern: $0) } }

  mutating func text() -> String? {
    guard let count = word(SpillTag.text), count <= UInt64(rest.count) else { return nil }
    defer { rest = rest.dropFirst(Int(count)) }
    return String(decoding: rest.prefix(Int(count)), as: UTF8.self)
  }

  /// The value, if it is of this kind; whatever it is, the next one comes after it.
  private mutating func word(_ tag: UInt8) -> UInt64? {
    guard let found = rest.popFirst(), found == tag, rest.count >= 8 else { return nil }
    defer { rest = rest.dropFirst(8) }
    return rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
