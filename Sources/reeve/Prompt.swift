internal import Glibc
internal import Kernel
internal import Plugins

/// Where a prompt comes from: a word, standard input (`-`), or a file (`--file`).
///
/// A word is taken as it is. Of a file and of standard input a single newline at the end is dropped: editors and `echo`
/// put it there, and nobody means it.
enum Prompt {
  static var option: Option {
    Option(name: "file", value: "PATH", meaning: "the prompt is in this file; “-” in its place reads standard input")
  }

  /// The prompt of a command that takes it as its second word; nil when there is none.
  static func read(_ arguments: Arguments) throws(CommandFailure) -> String? {
    let files = arguments.all(option.name)
    let hasWord = arguments.words.count > 1
    guard files.count + (hasWord ? 1 : 0) <= 1 else {
      throw CommandFailure(.usage, "the prompt is given twice: it is a word, “-” or --file PATH")
    }
    if let path = files.first { return try text(try contents(of: path), of: path) }
    guard hasWord else { return nil }
    guard arguments.isDash(1) else { return arguments.words[1] }
    return try text(try standardInput(), of: "standard input")
  }

  private static func contents(of path: String) throws(CommandFailure) -> [UInt8]? {
    do {
      return try Descriptor.open(path, flags: O_RDONLY | O_NOCTTY).readAll(limit: Preparation.longestPrompt + 1)
    } catch {
      throw CommandFailure(.usage, "--file \(path): \(error)")
    }
  }

  private static func standardInput() throws(CommandFailure) -> [UInt8]? {
    if StandardInput.isTerminal { Terminal.complain("type the prompt; Ctrl-D on a line of its own ends it") }
    do {
      return try StandardInput.read(limit: Preparation.longestPrompt + 1)
    } catch {
      throw CommandFailure(.usage, "standard input cannot be read: \(error)")
    }
  }

  private static func text(_ bytes: [UInt8]?, of source: String) throws(CommandFailure) -> String {
    guard var bytes else {
      throw CommandFailure(
        .usage, "the prompt in \(source) is too large: it may have \(Preparation.longestPrompt) bytes")
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    // Most likely what was to write it has failed.
    guard !bytes.isEmpty else { throw CommandFailure(.usage, "there is no prompt in \(source): it is empty") }
    if let place = bytes.firstIndex(of: 0) {
      throw CommandFailure(
        .usage, "the prompt in \(source) holds a NUL character, at byte \(place), which no program can be given")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(.usage, "the prompt in \(source) is not UTF-8")
    }
    return text
  }
}
