import Kernel
public import Model
public import Testing

import Glibc

/// Looks again and again until the condition holds; generous, for a busy machine.
public func eventually(
  _ what: @autoclosure () -> String = "it never came true", within limit: TimeSpan = .seconds(60),
  sourceLocation: SourceLocation = #_sourceLocation, _ condition: () throws -> Bool
) throws {
  let deadline = Clock.now() + limit
  while try !condition() {
    try #require(Clock.now() < deadline, "\(what())", sourceLocation: sourceLocation)
    usleep(2000)
  }
}

/// Where a test says what must not be overlooked.
private let standardError = Descriptor(owning: STDERR_FILENO)

/// Says that something was not tested here. Nothing is skipped quietly.
public func skip(_ what: String) {
  try? standardError.writeAll(Array("SKIPPED: \(what)\n".utf8).span.bytes)
}
