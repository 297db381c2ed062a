import Support
import Testing
import Wire

// Without python3 the test counts as skipped, and a line on stderr says why.
@Suite(.tags(.large), .enabled(if: StrictPython.isPresent, "there is no python3")) struct ScannerFuzzTests {
  /// Cases a child judges at once: enough that its start, some 30 ms, does not matter.
  static let batch = 4000

  @Test func `the scanner, json-c and Python's strict json agree on every text`() throws {
    let seconds = TestEnvironment.value("REEVE_FUZZ_SECONDS").flatMap { Int($0) } ?? 3
    let seed = TestEnvironment.value("REEVE_FUZZ_SEED").flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
    print("REEVE_FUZZ_SEED=\(seed)")
    let folder = try TemporaryDirectory()
    var cases = FuzzCases(seed: seed)
    var counts: [StrictPython.Verdict.Kind: Int] = [:]
    let end = ContinuousClock.now + .seconds(seconds)
    repeat {
      let texts = (0..<Self.batch).map { _ in cases.next() }
      let verdicts = try StrictPython.judge(texts, in: folder)
      for (text, verdict) in zip(texts, verdicts) {
        counts[verdict.kind, default: 0] += 1
        if let fault = disagreement(on: text, with: verdict) {
          Issue.record("seed \(seed): \(fault): \(String(decoding: text, as: UTF8.self).debugDescription) \(text)")
          return
        }
      }
    } while ContinuousClock.now < end
    print("judged: \(counts)")
    // A generator that makes only noise, or none, would prove nothing.
    #expect(counts[.accepted, default: 0] > 100)
    #expect(counts[.noise, default: 0] > 100)
    #expect(counts[.loneSurrogate, default: 0] > 0)
  }

  private func disagreement(on text: [UInt8], with verdict: StrictPython.Verdict) -> String? {
    var scanner = LineScanner(wanted: WantedMembers(FuzzCases.names))
    switch (scanner.scan(text), verdict.kind) {
    case (.object, .accepted), (.value, .accepted): break
    case (.noise(.loneSurrogate), .loneSurrogate): return nil
    case (.noise(.loneSurrogate), .noise): return "blamed a lone surrogate"
    case (.noise, .noise): return nil
    case (let finding, let kind): return "the scanner says \(finding), Python \(kind)"
    }
    let tree: JSON
    do {
      tree = try JSON.parse(text)
    } catch {
      return error.code == .nulInKey ? nil : "no tree: \(error)"
    }
    guard canonical(tree) == verdict.canonical else { return "\(canonical(tree)) is not \(verdict.canonical)" }
    for (index, name) in FuzzCases.names.enumerated() {
      let found = scanner.value(index).flatMap { try? JSON.parse(Array(text[$0])) }
      var expected: JSON?
      if case .object(let object) = tree { expected = object[name] }
      guard found == expected else { return "member \(name) is \(String(describing: found))" }
    }
    return nil
  }

  /// The form in which the oracle tells values: a letter for the kind, strings and doubles in hexadecimal.
  private func canonical(_ value: JSON) -> String {
    switch value {
    case .null: "n"
    case .bool(let value): value ? "t" : "f"
    case .integer(let value): "i\(value)"
    case .number(let value): "d" + hexadecimal(withUnsafeBytes(of: value.bitPattern.bigEndian) { Array($0) })
    case .string(let value): "s" + hexadecimal(Array(value.utf8))
    case .array(let elements): "[\(elements.map { canonical($0) }.joined(separator: ","))]"
    case .object(let object):
      "{\(object.members.map { "\(hexadecimal(Array($0.key.utf8))):\(canonical($0.value))" }.joined(separator: ","))}"
    case .raw: "raw"
    }
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
