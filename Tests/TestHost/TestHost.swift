import Glibc
import Host
import Kernel
import Ledger
import Loop
import Plugins
import Server
import Supervision

/// A host that does nothing but serve its socket, for tests that need one to live on: it prints where its socket
/// lies, and ends on SIGTERM when nothing is left to wait for.
@main
enum TestHost {
  static func main() {
    Loop.main {
      do {
        try begin()
      } catch {
        say("\(error)\n", to: STDERR_FILENO)
        exit(1)
      }
    }
  }

  @LoopActor private static func begin() throws {
    let signals = try SignalQueue(holding: [SIGTERM, SIGCHLD])
    var environment: [String: String] = [:]
    for name in ["PATH", "HOME", "REEVE_STATE", "REEVE_PLUGINS", "REEVE_CONFIG", "REEVE_RUN"] {
      environment[name] = getenv(name).map { String(cString: $0) }
    }
    let account = try Account.current()
    let state = try StateFolder(path: StateFolder.path(environment: environment, account: account))
    let catalog = Catalog(
      environment: environment, program: CommandLine.arguments[0], account: account, state: state.root.path)
    let configuration = try Configuration.read(path: Configuration.path(environment: environment, account: account))
    let host = try Host(
      state: state, catalog: catalog, configuration: configuration, environment: environment, signals: signals)
    let server = Reception(
      host: host, environment: environment, directory: try Descriptor.open(".", flags: O_RDONLY).realPath(),
      endsWithClient: false)
    try server.listen()
    host.log = { say("\($0)\n", to: STDERR_FILENO) }
    host.onSignal = { _ in
      host.onQuiet = {
        server.close()
        exit(host.close().unwritten == 0 ? 0 : 1)
      }
      if host.isDraining { host.stop(urgency: .now) } else { host.drain(for: configuration.drain) }
    }
    say("\(host.sockets.path) \(HostSocket.name(of: host.id))\n", to: STDOUT_FILENO)
  }

  private static func say(_ text: String, to descriptor: Int32) { _ = write(descriptor, text, text.utf8.count) }
}
