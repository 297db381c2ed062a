import Glibc
public import Kernel
public import RPC
import Testing

/// A host in a process of its own, driven over its socket.
public final class TestHost: Client {
  /// Its process.
  public let process: Child
  private let folder: String
  private let name: String

  init(_ world: World) throws {
    let process = try Child(
      try Repository.program("TestHost"), [], environment: world.environment, directory: world.folder.path)
    try eventually("the host does not begin: \(process.errors)") {
      process.output.hasSuffix("\n") || process.poll() != nil
    }
    let words = process.output.split(whereSeparator: \.isWhitespace).map { String($0) }
    guard words.count == 2 else { throw TestFailure("the host did not begin: \(process.errors)") }
    self.process = process
    (folder, name) = (words[0], words[1])
    let socket = try Self.connect(folder, name)
    let copy = try socket.duplicate()
    super.init(input: socket, output: copy, complaints: { process.errors })
  }

  private static func connect(_ folder: String, _ name: String) throws -> Descriptor {
    try UnixSocket.connect(in: try Directory.open(folder), name: name).intoDescriptor()
  }

  /// One that is still there ends what it has, in as good an order as there is time for: killed, it would leave the
  /// processes of its runs to nobody.
  deinit {
    for _ in 0..<100 where process.poll() == nil {
      process.signal(SIGTERM)
      usleep(50_000)
    }
  }

  /// Where its socket lies.
  public var socketPath: String { "\(folder)/\(name)" }

  /// Another connection to the same host.
  public func connection() throws -> Descriptor { try Self.connect(folder, name) }

  /// Another client of the same host.
  public func another(framing: Framing = .lines) throws -> Client {
    try Client(at: Self.connect(folder, name), framing: framing) { [process] in process.errors }
  }

  /// Has it end in good order, so that nothing of it is left, not even its groups.
  public func end() throws {
    process.signal(SIGTERM)
    try process.wait()
  }
}
