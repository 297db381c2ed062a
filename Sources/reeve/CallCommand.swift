internal import Glibc
internal import Host
internal import Kernel
internal import RPC
internal import Wire

/// `reeve call METHOD [PARAMS]`
enum CallCommand {
  /// More than this no host takes in one message.
  private static let mostBytes = 16 << 20

  static var command: Command {
    Command(
      name: "call", words: "METHOD [PARAMS]", least: 1, most: 2, options: [],
      summary:
        "Calls a method of the background host with JSON parameters (“-” reads them from stdin), and prints the result.",
      run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    let params = arguments.words.count > 1 ? try params(arguments.words[1]) : nil
    let client = try Background(try Surroundings()).connect()
    do {
      Terminal.print(try client.call(arguments.words[0], params, within: nil).text + "\n")
    } catch let error as RPCError {
      // A program that called wants to read of it as the protocol has it.
      Terminal.print(JSON.object(["error": error.json]).text + "\n")
      throw error
    }
    return .succeeded
  }

  private static func params(_ text: String) throws -> JSON {
    let bytes = text == "-" ? try readInput() : Array(text.utf8)
    do {
      return try JSON.parse(bytes)
    } catch {
      throw CommandFailure(.usage, "the parameters are not JSON: \(error.message), at byte \(error.offset)")
    }
  }

  private static func readInput() throws -> [UInt8] {
    guard let bytes = try StandardInput.read(limit: mostBytes) else {
      throw CommandFailure(.usage, "the parameters have more than \(mostBytes) bytes")
    }
    return bytes
  }
}
