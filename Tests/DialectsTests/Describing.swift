import Wire

@testable import Dialects

extension Interpreter {
  /// What a line means, in words.
  mutating func describe(_ line: String, isError: Bool = false) -> String {
    var words: [String] = []
    func hear(_ meaning: Meaning, _ text: RawSpan) {
      func part(_ excerpt: Excerpt?) -> String { excerpt?.text(in: text) ?? "-" }
      let word =
        switch meaning {
        case .progress: "progress"
        case .text(let said): "text \(part(said))"
        case .piece(let said): "piece \(part(said))"
        case .toolStarted(let call): "started \(part(call.name))"
        case .toolFinished(_, let isFine): "finished\(isFine.map { $0 ? " fine" : " failed" } ?? "")"
        case .figure(let name, .count(let count)): "\(name) \(count)"
        case .figure(let name, .number(let number)): "\(name) \(number)"
        case .session(let name): "session \(part(name))"
        case .error(let why): "error \(part(why))"
        case .retrying(let why): "retrying \(part(why))"
        case .attention(let why): "attention \(part(why))"
        case .success(let output): "success \(part(output))"
        case .failure(let why): "failure \(part(why))"
        case .done: "done"
        }
      words.append(word)
    }
    let bytes = Array(line.utf8)
    if isError {
      if !readError(bytes.span.bytes, hear) { return "noise" }
    } else if case .noise = read(bytes.span.bytes, hear) {
      return "noise"
    }
    return words.isEmpty ? "life" : words.joined(separator: ", ")
  }
}
