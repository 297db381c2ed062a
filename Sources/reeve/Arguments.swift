internal import Model

/// An option of a command.
struct Option {
  let name: String
  /// What its value is called in the help; nil when it has none.
  var value: String?
  var short: Character?
  let meaning: String

  var usage: String {
    let long = "--\(name)" + (value.map { " \($0)" } ?? "")
    return short.map { "-\($0), \(long)" } ?? long
  }
}

/// The words behind a command, taken apart by what the command says it takes.
///
/// Options may stand anywhere before `--`; what follows it is taken as it is.
struct Arguments {
  private(set) var words: [String] = []
  /// How many of the words stand before `--`.
  private var plainWords = 0
  private var values: [String: [String]] = [:]

  init(_ given: [String], of command: Command) throws(CommandFailure) {
    var rest = given[...]
    var isPlain = true
    func wrong(_ what: String) -> CommandFailure {
      CommandFailure(.usage, "\(what); “reeve \(command.name) --help” tells what it takes")
    }
    while let word = rest.popFirst() {
      if word == "--" {
        plainWords = words.count
        words += rest
        rest = []
        isPlain = false
        break
      }
      guard word.hasPrefix("-"), word.count > 1 else {
        words.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
      guard let option = command.allOptions.first(where: { $0.matches(parts[0]) }) else {
        throw wrong("there is no option “\(parts[0])”")
      }
      if option.value == nil {
        guard parts.count == 1 else { throw wrong("the option “\(parts[0])” takes no value") }
        values[option.name, default: []].append("")
      } else if parts.count == 2 {
        values[option.name, default: []].append(parts[1])
      } else {
        guard let value = rest.popFirst() else { throw wrong("the option “\(word)” needs a value") }
        values[option.name, default: []].append(value)
      }
    }
    if isPlain { plainWords = words.count }
    // Whoever asks for help need not get the rest right.
    guard !has("help") else { return }
    guard words.count >= command.least else { throw wrong("“reeve \(command.name)” needs \(command.words)") }
    guard words.count <= command.most else { throw wrong("“\(words[command.most])” is too much") }
  }

  /// Whether a word is “-”, and not because that was to be taken as it is.
  func isDash(_ index: Int) -> Bool { index < plainWords && words[index] == "-" }

  func has(_ name: String) -> Bool { values[name] != nil }

  func value(_ name: String) -> String? { values[name]?.last }

  func all(_ name: String) -> [String] { values[name] ?? [] }

  /// The length of time that an option was given; `word` is what may stand in its place, for whoever gets it wrong.
  func span(_ name: String, or word: String? = nil) throws(CommandFailure) -> TimeSpan? {
    guard let text = value(name) else { return nil }
    guard let nanoseconds = LimitText.value(text, unit: .time) else {
      let other = word.map { ", or “\($0)”" } ?? ""
      throw CommandFailure(.usage, "--\(name) \(text): it should be a number and a unit like 90s, 10m or 2h\(other)")
    }
    return TimeSpan(nanoseconds: nanoseconds)
  }

  /// The values of an option that is given as `NAME=VALUE`, any number of times.
  func pairs(_ name: String) throws(CommandFailure) -> [(name: String, value: String)] {
    var pairs: [(name: String, value: String)] = []
    for text in all(name) {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw CommandFailure(.usage, "“--\(name) \(text)” should be --\(name) NAME=VALUE")
      }
      pairs.append((String(parts[0]), String(parts[1])))
    }
    return pairs
  }
}

extension Option {
  func matches(_ word: String) -> Bool { word == "--\(name)" || short.map { word == "-\($0)" } ?? false }
}
