internal import Glibc

extension RawSpan {
  /// Appends a part of it.
  public func append(_ range: Range<Int>, to output: inout [UInt8]) {
    extracting(range).withUnsafeBytes { output.append(contentsOf: $0) }
  }

  /// Where the next newline stands; nil when there is none.
  public func newline(from start: Int) -> Int? {
    withUnsafeBytes { bytes in
      guard start < bytes.count, let base = bytes.baseAddress,
        let found = memchr(base + start, 0x0A, bytes.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }
}
