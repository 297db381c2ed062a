import Glibc
import Kernel
public import Model
import Testing
import Wire

/// A model that agents can be run against: `Tests/Agents/model.py`, which ends with whoever holds this.
public final class FakeModel {
  /// Where it listens on loopback.
  public let port: Int64
  private let process: Child
  private var input: Descriptor?

  /// Starts one.
  public init() throws {
    let input = try Pipe.make()
    let output = try Pipe.make()
    process = try Child(
      "/usr/bin/env", ["python3", "\(Repository.path)/Tests/Agents/model.py"],
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], streams: (input.reader.raw, output.writer.raw))
    self.input = try input.writer.duplicate()
    var line: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 256)
    while !line.contains(UInt8(ascii: "\n")) {
      let isReadable = output.reader.isReadable(within: .seconds(30))
      try #require(isReadable, "the model does not begin: \(process.errors)")
      let count = piece.withUnsafeMutableBytes { buffer in
        if case .bytes(let count)? = try? output.reader.read(into: buffer) { count } else { 0 }
      }
      guard count > 0 else { throw TestFailure("the model did not begin: \(process.errors)") }
      line += piece[..<count]
    }
    port = try #require(try JSON.parse(line)["port"]?.integer)
  }

  /// Says no more to it; how it ended.
  public func end() throws -> ProcessExit {
    input = nil
    return try process.wait()
  }
}
