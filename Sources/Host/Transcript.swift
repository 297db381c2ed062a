internal import Glibc
internal import Kernel

/// Writes what the agent says to a file, as it comes.
///
/// When the disk refuses, the file is cut back to its last whole line and the rest of the run is not stored; the
/// run goes on and is judged from the stream.
struct Transcript: ~Copyable {
  static let newline = UInt8(ascii: "\n")

  private var file: Descriptor?
  /// How much was written, and how much of it is whole lines.
  private(set) var bytes: Int64 = 0
  private var wholeBytes: Int64 = 0
  private(set) var wholeLines: Int64 = 0
  /// Why it ends early, if it does.
  private(set) var failure: SystemError?

  /// Appends a piece of the stream.
  mutating func append(_ piece: RawSpan, in folder: inout RunFolder) {
    guard failure == nil else { return }
    do {
      if file == nil { file = try folder.create(RunFile.transcript) }
      try write(piece)
    } catch {
      failure = error
      // To cut a file needs no room on the disk.
      _ = (file?.raw).map { ftruncate($0, off_t(wholeBytes)) }
      bytes = wholeBytes
      close()
    }
  }

  private mutating func write(_ piece: RawSpan) throws(SystemError) {
    var rest = piece
    while !rest.isEmpty {
      let written = try file?.write(rest) ?? 0
      note(rest.extracting(first: written))
      rest = rest.extracting(droppingFirst: written)
    }
  }

  private mutating func note(_ written: RawSpan) {
    written.withUnsafeBytes { bytes in
      var start = 0
      while let base = bytes.baseAddress, let found = memchr(base + start, Int32(Self.newline), bytes.count - start) {
        start = UnsafeRawPointer(found) - base + 1
        wholeLines += 1
        wholeBytes = self.bytes + Int64(start)
        if start == bytes.count { break }
      }
    }
    bytes += Int64(written.byteCount)
  }

  /// Nothing more will come.
  mutating func close() { file = nil }
}
