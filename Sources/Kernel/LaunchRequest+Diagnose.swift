internal import Glibc

extension LaunchRequest {
  /// Puts a failure into words, by looking at the files once more: the error number alone does not tell which of them is
  /// at fault.
  func diagnose(_ step: LaunchStep, error: Int32) -> LaunchFailure {
    let reason: String
    switch step {
    case .chdir: reason = "cannot enter the directory \(directory): \(SystemError.describe(error))"
    case .exec: reason = diagnoseExec(error)
    case .clone where error == EAGAIN:
      reason = "no process could be made, a limit on processes is reached: \(SystemError.describe(error))"
    case .clone, .pdeathsig, .cgroup, .setsid, .descriptors, .signals, .limits, .privileges:
      reason = "\(step.rawValue): \(SystemError.describe(error))"
    }
    return LaunchFailure(step: step, error: error, message: "cannot start \(program): \(reason)")
  }

  private func diagnoseExec(_ error: Int32) -> String {
    let explanation: String?
    switch error {
    case ECANCELED: explanation = "it was killed while the kernel was still loading it"
    case ENOENT: explanation = explainMissing()
    case EACCES: explanation = explainForbidden()
    case E2BIG: explanation = explainExcess()
    case ENOEXEC: explanation = "it is no program for this machine, nor a script with a #! line"
    case ETXTBSY: explanation = "somebody has it open for writing"
    default: explanation = nil
    }
    guard let explanation else { return SystemError.describe(error) }
    return "\(explanation): \(SystemError.describe(error))"
  }

  /// A single string may have 128 KiB, its NUL included.
  private static let longestString = 128 * 1024

  private func explainExcess() -> String {
    let most = "no more than \(Self.longestString - 1) can be passed"
    if let long = argumentVector.strings.first(where: { $0.utf8.count >= Self.longestString }) {
      return "an argument has \(long.utf8.count) bytes, and \(most)"
    }
    if let long = environment.strings.first(where: { $0.utf8.count >= Self.longestString }) {
      return "the variable \(long.prefix { $0 != "=" }) has \(long.utf8.count) bytes, and \(most)"
    }
    let (arguments, variables) = (argumentVector.bytes, environment.bytes)
    return "its arguments take \(arguments) bytes and its environment \(variables); that is too much together"
  }

  private func explainMissing() -> String {
    guard let file = programStatus() else { return "there is no such file" }
    if let interpreter = interpreter(of: file) { return "its interpreter \(interpreter) is missing" }
    return "the file is there, but the loader it asks for is missing"
  }

  private func explainForbidden() -> String? {
    guard let file = programStatus() else { return nil }
    if file.isDirectory { return "it is a directory" }
    if !file.isRegular { return "it is not a plain file" }
    if file.permissions & 0o111 == 0 { return "it is not executable" }
    if let interpreter = interpreter(of: file) { return "it or its interpreter \(interpreter) may not be executed" }
    return nil
  }

  private func programStatus() -> FileStatus? {
    var status = stat()
    guard stat(program, &status) == 0 else { return nil }
    return FileStatus(status)
  }

  /// As much of the first line as the kernel itself looks at.
  private static let firstLineBytes = 256

  /// What the first line of a script asks for; nil for what is no script.
  private func interpreter(of file: FileStatus) -> String? {
    // A FIFO would block the open; a lease on the file would too.
    guard file.isRegular else { return nil }
    let raw = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard raw >= 0 else { return nil }
    let script = Descriptor(owning: raw)
    let line: String? = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.firstLineBytes) { buffer in
      guard case .bytes(let count)? = try? script.read(into: UnsafeMutableRawBufferPointer(buffer)) else { return nil }
      return String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
    guard let line, line.hasPrefix("#!") else { return nil }
    return line.dropFirst(2).split(whereSeparator: { $0 == " " || $0 == "\t" }).first.map(String.init)
  }
}
