import Kernel
public import RPC

/// `reeve serve`, as an editor has it: a child that is spoken with through pipes.
public final class ServedHost: Client {
  /// Its process: the guardian, whom an editor knows.
  public let process: Child

  /// Starts one in a world.
  public init(_ world: World, framing: Framing = .lines, _ words: String...) throws {
    let input = try Pipe.make()
    let output = try Pipe.make()
    let process = try Child(
      try Repository.program("reeve"), ["serve"] + words, environment: world.environment, directory: world.folder.path,
      streams: (input.reader.raw, output.writer.raw))
    self.process = process
    let reader = try output.reader.duplicate()
    let writer = try input.writer.duplicate()
    super.init(input: reader, output: writer, framing: framing, complaints: { process.errors })
  }
}
