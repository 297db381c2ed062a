/// A process as `/proc/PID/stat` shows it.
public struct ProcessStat: Equatable, Sendable {
  /// Its number.
  public let pid: Int32
  /// The name it bears: its program's at first, cut to 15 bytes, which a Swift string holds without an allocation.
  public let name: String
  /// `R` running, `S` sleeping, `D` in the kernel, `T` stopped, `Z` zombie, and rarer ones.
  public let state: Unicode.Scalar
  /// The process that reaps it.
  public let parent: Int32
  /// Its process group; -1 at the very end of its life.
  public let group: Int32
  /// Its session; -1 at the very end of its life.
  public let session: Int32
  /// The number of its controlling terminal, 0 for none.
  public let terminal: Int32
  /// Whether it has run exec since it was forked.
  public let hasExecuted: Bool
  /// When it started, in clock ticks since boot.
  public let startTicks: UInt64
  /// How many threads it has.
  public let threads: Int
  /// How much memory it holds, in bytes; what it shares with others is counted in each of them.
  public let residentBytes: Int

  /// Whether it lives. A zombie does not, unless only its main thread has ended: then the others run on.
  public var isAlive: Bool { (state != "Z" && state != "X") || threads > 1 }

  /// Reads one line of `/proc/PID/stat`; nil for what is not one.
  init?(line: UnsafeBufferPointer<UInt8>) {
    // The name is whatever the process likes, ") R 1 (" included, but no field after it has a parenthesis.
    guard
      let opening = line.firstIndex(of: UInt8(ascii: "(")),
      let closing = line.lastIndex(of: UInt8(ascii: ")")),
      opening < closing, closing + 2 < line.count,
      let pid = Int32(String(decoding: line[..<opening].dropLast(), as: UTF8.self)),
      let fields = ProcessStat.fields(in: line[(closing + 3)...])
    else { return nil }
    self.pid = pid
    name = String(decoding: line[(opening + 1)..<closing], as: UTF8.self)
    state = Unicode.Scalar(line[closing + 2])
    parent = Int32(truncatingIfNeeded: fields[4])
    group = Int32(truncatingIfNeeded: fields[5])
    session = Int32(truncatingIfNeeded: fields[6])
    terminal = Int32(truncatingIfNeeded: fields[7])
    hasExecuted = fields[9] & ProcessStat.forkedWithoutExec == 0
    startTicks = UInt64(bitPattern: fields[22])
    threads = Int(fields[20])
    residentBytes = Int(fields[24]) * ProcessTable.pageBytes
  }

  /// The kernel's PF_FORKNOEXEC.
  private static let forkedWithoutExec: Int64 = 0x40

  /// The numbers after the state, each at its position in proc(5); nil when the line ends before the memory.
  private static func fields(in rest: Slice<UnsafeBufferPointer<UInt8>>) -> InlineArray<25, Int64>? {
    var fields = InlineArray<25, Int64>(repeating: 0)
    var position = 3
    var sign: Int64 = 1
    for byte in rest {
      switch byte {
      case UInt8(ascii: " "):
        position += 1
        sign = 1
        if position == fields.count { return fields }
      case UInt8(ascii: "-"): sign = -1
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        fields[position] = fields[position] &* 10 &+ sign &* Int64(byte - UInt8(ascii: "0"))
      default: return nil
      }
    }
    return nil
  }
}
