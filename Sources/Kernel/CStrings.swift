internal import Glibc

/// Strings as C takes them: one block of NUL-terminated text, made once, that may cross threads.
public struct CStrings: Sendable {
  private var block: [CChar] = []
  private var starts: [Int] = []

  /// Holds these strings; refuses one with a NUL inside, which C would take for its end.
  public init(_ strings: [String]) throws(SystemError) {
    for string in strings {
      if string.utf8.contains(0) {
        let name = string.prefix { $0 != "\0" }
        throw SystemError(call: "execve", code: EINVAL, detail: "there is a NUL byte after \"\(name)\"")
      }
      starts.append(block.count)
      block.append(contentsOf: string.utf8.map { CChar(bitPattern: $0) })
      block.append(0)
    }
  }

  /// How many bytes they take, a NUL each.
  var bytes: Int { block.count }

  /// The strings themselves.
  var strings: [String] {
    let ends = starts.dropFirst() + [block.count]
    return zip(starts, ends).map { start, end in
      String(decoding: block[start..<end - 1].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// Lends a NULL-terminated array of pointers to them.
  public func withPointers<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result {
    block.withUnsafeBufferPointer { block in
      var pointers = starts.map { start in block.baseAddress.map { $0 + start } }
      pointers.append(nil)
      return body(pointers)
    }
  }
}
