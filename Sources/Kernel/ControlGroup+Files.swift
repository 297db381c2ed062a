internal import Glibc

extension ControlGroup {
  /// What a file says; nil when it is not there or cannot be read.
  public func text(_ file: String) -> String? {
    var bytes: [UInt8] = []
    guard forEachChunk(of: file, { bytes += $0 }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The number that a file says; nil for "max", for what is no number, and where there is no such file.
  public func number(_ file: String) -> Int64? { read(file) { Int64(digits: $0) } }

  /// The number beside a key, in a file whose lines are keys and values such as `oom_kill 2`.
  public func number(_ file: String, key: String) -> Int64? { read(file) { Int64($0, beside: key) } }

  /// Writes to a file, in one piece, which is how the kernel wants its orders.
  public func write(_ file: String, _ text: String) throws(SystemError) {
    let path = directory.path
    let opened = try directory.openFile(file, flags: O_WRONLY)
    do {
      _ = try opened.write(text.utf8Span.span.bytes)
    } catch {
      // Which file it was matters more than that a write failed.
      throw SystemError(call: error.call, code: error.code, detail: "\(path)/\(file)")
    }
  }

  /// The files of numbers are shorter than this, so one read gives the whole; lists of processes take several. A larger
  /// buffer would not be given room on the stack.
  fileprivate static let chunkBytes = 1024

  /// Reads a file of numbers, which one read gives whole, through a buffer on the stack: it is done for every run.
  private func read<Value>(_ file: String, _ body: (UnsafeRawBufferPointer) -> Value?) -> Value? {
    guard let opened = opened(file) else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 1) { buffer in
      guard case .bytes(let count)? = try? opened.read(into: buffer) else { return nil }
      return body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  private func opened(_ file: String) -> Descriptor? {
    let raw = file.withCString { openat(directory.descriptor.raw, $0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
    return raw < 0 ? nil : Descriptor(owning: raw)
  }

  /// Reads a file to its end; false when it cannot be read.
  @discardableResult
  func forEachChunk(of file: String, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard let opened = opened(file) else { return false }
    return withUnsafeTemporaryAllocation(byteCount: Self.chunkBytes, alignment: 1) { buffer in
      while true {
        switch try? opened.read(into: buffer) {
        case .bytes(let count): body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        case .end: return true
        case .wouldBlock, nil: return false
        }
      }
    }
  }
}

extension Descriptor {
  /// The number beside a key, in a file of keys and values that is read again from its start.
  func number(beside key: String) -> Int64? {
    withUnsafeTemporaryAllocation(byteCount: ControlGroup.chunkBytes, alignment: 1) { buffer in
      guard let count = try? read(into: buffer, at: 0) else { return nil }
      return Int64(UnsafeRawBufferPointer(rebasing: buffer[..<count]), beside: key)
    }
  }
}

extension Int64 {
  /// The number that text is, a newline after it aside; nil when it is anything else.
  init?(digits text: UnsafeRawBufferPointer) {
    var value: Int64 = 0
    var count = 0
    for byte in text {
      if byte == UInt8(ascii: "\n") { break }
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflows) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
      guard !isTooLarge, !overflows else { return nil }
      value = sum
      count += 1
    }
    guard count > 0 else { return nil }
    self = value
  }

  /// The number beside a key, in lines of keys and values.
  init?(_ lines: UnsafeRawBufferPointer, beside key: String) {
    var rest = lines[...]
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      if line.starts(with: key.utf8), line.dropFirst(key.utf8.count).first == UInt8(ascii: " ") {
        self.init(digits: UnsafeRawBufferPointer(rebasing: line.dropFirst(key.utf8.count + 1)))
        return
      }
      rest = rest.dropFirst(line.count + 1)
    }
    return nil
  }
}
