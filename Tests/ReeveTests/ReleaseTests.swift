import Glibc
import Kernel
import Model
import Support
import Testing

/// What is shipped: the program as the README builds it.
@Suite(.tags(.large))
struct ReleaseTests {
  /// Nil, said loudly, where it has not been built.
  private var program: String? {
    let path = "\(Repository.path)/.build/release/reeve"
    if access(path, X_OK) == 0 { return path }
    skip("there is no release build: what it links, and how much memory it takes")
    return nil
  }

  @Test
  func `the release binary links no Foundation and brings its Swift runtime along`() throws {
    guard let program else { return }
    let bytes = try #require(try Descriptor.open(program, flags: O_RDONLY).readAll(limit: .max))
    // The beginning of every mangled name of that module, and the name of its library.
    for trace in ["$s10Foundation", "libFoundation", "libswiftCore.so"] {
      #expect(!contains(bytes, Array(trace.utf8)), "it has “\(trace)”")
    }
    #expect(contains(bytes, Array("$s4Host".utf8)), "the search itself is broken")
  }

  @Test
  func `an idle host takes less than 12 MB`() throws {
    guard let program else { return }
    let world = try World()
    let reeve = try Child(
      program, ["run", "script", "touch ready; sleep 1000"], environment: world.environment,
      directory: world.folder.path)
    try eventually("it does not begin: \(reeve.errors)") { world.has("ready") || reeve.poll() != nil }
    let bytes = try residentBytes(try reeve.host())
    print("an idle host takes \(bytes / 1024) KiB")
    #expect(bytes < 12_000_000)
    reeve.signal(SIGINT)
    try reeve.wait()
  }

  private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    guard let first = part.first else { return true }
    var rest = bytes[...]
    while let start = rest.firstIndex(of: first) {
      rest = rest[start...]
      if rest.starts(with: part) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
