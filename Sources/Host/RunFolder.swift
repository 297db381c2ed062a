internal import Glibc
internal import Kernel
internal import Model

/// The files of one run, made at the first byte: a silent run leaves none.
struct RunFolder: ~Copyable {
  private let state: StateFolder
  private let name: String
  private var directory: Directory?

  init(state: StateFolder, run: RunID) {
    self.state = state
    name = run.description
  }

  /// Makes a file of the run.
  mutating func create(_ file: String) throws(SystemError) -> Descriptor {
    if directory == nil {
      do {
        try state.runs.makeDirectory(name)
      } catch {
        guard error.code == EEXIST else { throw error }
      }
      directory = try state.runs.openDirectory(name)
    }
    guard let made = try directory?.openPlainFile(file, flags: O_WRONLY | O_CREAT | O_APPEND) else {
      throw SystemError(call: "openat", code: ENOENT, detail: file)
    }
    return made
  }

  /// Closes it.
  mutating func close() { directory = nil }
}

/// The names of a run's files.
public enum RunFile {
  /// What the agent wrote to stdout, byte for byte: line N is event N.
  public static let transcript = "transcript.ndjson"
  /// What its programs wrote to stderr: all of it, or its beginning and its end.
  public static let errors = "stderr.log"
  /// The prompt, where it does not fit an argument or its plugin wants it so.
  public static let prompt = "prompt.txt"
}
