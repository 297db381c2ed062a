import Glibc
import Kernel
import Model
import Testing

/// Looks again and again until the condition holds; generous, for a busy machine.
func eventually(
  within limit: TimeSpan = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () throws -> Bool
) throws {
  let deadline = Clock.now() + limit
  while try !condition() {
    try #require(Clock.now() < deadline, "it never came true", sourceLocation: sourceLocation)
    usleep(2000)
  }
}
