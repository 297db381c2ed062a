internal import Model

/// How a prompt reaches its agent: in an argument, or in a file that an argument names.
extension Preparation {
  /// The longest argument that Linux takes: 32 pages, its NUL included.
  static let longestArgument = 128 * 1024 - 1
  /// The longest prompt: no model reads so much, and it still fits a message of the protocol when some of it is escaped.
  public static let longestPrompt = 8 << 20

  /// A longer prompt that lies in a file is not kept a second time in the record, which is written with every change and
  /// has little room beside it when the disk is full.
  static let longestRecordedPrompt = 64 << 10
  /// As much of one as tells a person what was asked.
  static let recordedBeginning = 16 << 10

  /// The prompt as the record has it: of a long one that its agent gets as a file, `file`, the beginning.
  public func recordedPrompt(file: String) -> String {
    guard let prompt = request.prompt else { return "" }
    let bytes = prompt.utf8
    guard isPromptInFile, bytes.count > Self.longestRecordedPrompt else { return prompt }
    var end = bytes.index(bytes.startIndex, offsetBy: Self.recordedBeginning)
    // A byte in the middle of a character stands for none.
    while end.samePosition(in: prompt.unicodeScalars) == nil { end = bytes.index(before: end) }
    return "\(prompt[..<end])\n[… \(bytes.count) bytes in all; \(file) in the run's folder has it …]"
  }

  static func arguments(
    _ command: CommandTemplate, _ request: RunRequest, _ manifest: Manifest, _ promptFile: String, run: RunID,
    session: String?
  ) throws(PluginError) -> (words: [String], isPromptInFile: Bool) {
    try check(request)
    guard request.model == nil || command.placeholders.contains(.model) else {
      throw PluginError(.badRequest, "the plugin “\(manifest.name)” lets nobody choose a model")
    }
    var values: [Placeholder: String] = [.cwd: request.directory, .run: run.description]
    values[.model] = request.model
    values[.session] = session
    let offersFile = command.placeholders.contains(.promptFile)
    if command.placeholders.contains(.prompt) || !offersFile || request.prompt == nil {
      values[.prompt] = request.prompt
      let words = try fill(command, values, manifest)
      guard let longest = words.map(\.utf8.count).max(), longest > longestArgument else { return (words, false) }
      guard offersFile else {
        throw tooLarge(
          longest, longestArgument,
          "the prompt makes an argument of \(longest) bytes, and Linux takes \(longestArgument); the plugin “\(manifest.name)” cannot take it as a file"
        )
      }
      values[.prompt] = nil
    }
    let size = request.prompt?.utf8.count ?? 0
    guard size <= longestPrompt else {
      throw tooLarge(size, longestPrompt, "the prompt has \(size) bytes, and a prompt may have \(longestPrompt)")
    }
    values[.promptFile] = promptFile
    return (try fill(command, values, manifest), true)
  }

  private static func check(_ request: RunRequest) throws(PluginError) {
    for (name, text) in [("prompt", request.prompt), ("model", request.model), ("session", request.session)] {
      guard let text else { continue }
      if text.utf8.contains(0) {
        throw PluginError(.badRequest, "the \(name) holds a NUL character, which no program can be given")
      }
      if name != "prompt" && text.utf8.count > longestArgument / 2 {
        throw PluginError(.badRequest, "the \(name) has \(text.utf8.count) bytes, which is no name of one")
      }
    }
  }

  private static func fill(
    _ command: CommandTemplate, _ values: [Placeholder: String], _ manifest: Manifest
  ) throws(PluginError) -> [String] {
    do {
      return try command.filled(with: values)
    } catch {
      let name = error.placeholder == .promptFile ? Placeholder.prompt : error.placeholder
      throw PluginError(.badRequest, "the plugin “\(manifest.name)” needs a \(name.rawValue)")
    }
  }

  private static func tooLarge(_ size: Int, _ limit: Int, _ message: String) -> PluginError {
    var error = PluginError(.promptTooLarge, message)
    error.sizes = (size, limit)
    return error
  }
}
