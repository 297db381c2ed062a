internal import Model
internal import Plugins

/// What a run's caller keeps secret is in nothing that Reeve writes of it, but for the raw transcript and what is taken
/// from it. stderr is masked by `ErrorLog`, as it comes.
extension Run {
  /// Whoever says what went wrong may quote anything: the program's last words, its agent's, a path. It passes here before
  /// anybody gets it, since whatever goes wrong is told to the machine next.
  func hideSecrets() {
    guard let error = record.error, error != harmlessError else { return }
    record.error = secrets.masked(error)
    harmlessError = record.error
  }

  /// Says what whoever runs hosts may want to read.
  func log(_ message: String) { host.log(secrets.masked(message)) }
}
