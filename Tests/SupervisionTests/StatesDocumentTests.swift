import Glibc
import Model
import Support
import Testing

@testable import Supervision

/// docs/states.md holds the machine's full table, and this keeps it true.
@Suite("docs/states.md", .tags(.small))
struct StatesDocumentTests {
  struct Column: Sendable {
    var name: String
    var reach: @Sendable (inout RunMachine) -> Void
    var terms = Terms()
  }

  static let start = Instant(nanoseconds: 0)

  static let columns: [Column] = [
    Column(name: "queued") { _ in },
    Column(name: "starting") {
      _ = $0.seated(at: start)
      _ = $0.recorded(at: start)
    },
    Column(name: "running") { run(&$0) },
    Column(
      name: "concluding",
      reach: {
        run(&$0)
        _ = $0.finalWordSeen(.success, at: start)
      }, terms: Terms(countsLastWord: true)),
    Column(name: "aborting") {
      _ = $0.seated(at: start)
      _ = $0.recorded(at: start)
      _ = $0.cancelRequested(.client, urgency: .normal, at: start)
    },
    Column(name: "leaving") {
      run(&$0)
      _ = $0.finalWordSeen(.success, at: start)
    },
    Column(name: "terminating") { stop(&$0) },
    Column(name: "killing") {
      stop(&$0)
      _ = $0.timerFired(at: $0.timers[.grace])
    },
    Column(name: "stuck") {
      stop(&$0)
      _ = $0.timerFired(at: $0.timers[.grace])
      _ = $0.timerFired(at: $0.timers[.bury])
    },
    Column(name: "gone") {
      run(&$0)
      _ = $0.exited(.code(0), isLastLineCut: false, isTreeEmpty: true, at: start)
    },
  ]

  static func run(_ machine: inout RunMachine) {
    _ = machine.seated(at: start)
    _ = machine.recorded(at: start)
    _ = machine.spawned(at: start)
  }

  static func stop(_ machine: inout RunMachine) {
    run(&machine)
    _ = machine.cancelRequested(.client, urgency: .normal, at: start)
  }

  static var rows: [(name: String, event: (inout RunMachine) -> Actions)] {
    [
      ("seated", { $0.seated(at: start) }),
      ("recorded", { $0.recorded(at: start) }),
      ("spawned", { $0.spawned(at: start) }),
      ("spawnFailed", { $0.spawnFailed() }),
      ("launchStalled", { $0.launchStalled() }),
      ("launchAbandoned", { $0.launchAbandoned() }),
      ("eventSeen", { $0.eventSeen(.content, at: start) }),
      ("finalWordSeen success", { $0.finalWordSeen(.success, at: start) }),
      ("finalWordSeen failure", { $0.finalWordSeen(.failure, at: start) }),
      ("concluded", { $0.concluded(at: start) }),
      ("exited 0, tree empty", { $0.exited(.code(0), isLastLineCut: false, isTreeEmpty: true, at: start) }),
      ("exited 1, tree empty", { $0.exited(.code(1), isLastLineCut: false, isTreeEmpty: true, at: start) }),
      ("exited 0, tree alive", { $0.exited(.code(0), isLastLineCut: false, isTreeEmpty: false, at: start) }),
      (
        "treeEmptied (leader exited)",
        {
          $0.hasLeaderExited = $0.hadProcess && $0.verdict != nil
          return $0.treeEmptied()
        }
      ),
      ("cancelRequested", { $0.cancelRequested(.client, urgency: .normal, at: start) }),
      ("limitExceeded output", { $0.limitExceeded(.output, at: start) }),
    ]
      + TimerName.allCases.map { timer in
        (
          "timer \(timer)",
          { machine in
            guard machine.timers[timer] != .never else { return .none }
            return machine.fire(timer, at: machine.timers[timer])
          }
        )
      }
  }

  static func cell(_ column: Column, _ event: (inout RunMachine) -> Actions) -> String {
    var machine = RunMachine(terms: column.terms)
    column.reach(&machine)
    let before = machine.state
    let actions = event(&machine)
    var words: [String] = []
    if actions.launch { words.append("launch") }
    if let verdict = actions.settle {
      words.append("settle \([verdict.status.rawValue, verdict.reason].compactMap { $0 }.joined(separator: "/"))")
    }
    words += actions.flags.words.map { "flag \($0)" }
    if let tree = actions.tree { words.append("\(tree) tree") }
    if let ending = actions.ending { words.append("\(ending)") }
    if machine.state != before { words.append("→ **\("\(machine.state)".prefix { $0 != "(" })**") }
    return words.isEmpty ? "·" : words.joined(separator: ", ")
  }

  static var table: String {
    var lines = ["| event \\ state | \(columns.map(\.name).joined(separator: " | ")) |"]
    lines.append("|---|" + columns.map { _ in "---|" }.joined())
    for row in rows {
      lines.append("| \(row.name) | \(columns.map { cell($0, row.event) }.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n")
  }

  @Test
  func `the table in docs/states.md is the machine's own; REEVE_WRITE_DOCS=1 writes it anew`() throws {
    let path = Documents.path("states.md")
    let parts = try Documents.split(path, at: "transitions")
    if getenv("REEVE_WRITE_DOCS") != nil {
      try Documents.write(parts.before + "\n" + Self.table + "\n" + parts.after, to: path)
    } else {
      #expect(parts.between == "\n" + Self.table + "\n", "docs/states.md is out of date: run with REEVE_WRITE_DOCS=1")
    }
  }
}

/// The documents of this repository, found from this file.
enum Documents {
  static func path(_ name: String, file: String = #filePath) -> String {
    file.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/docs/" + name
  }

  static func read(_ path: String) throws -> String {
    let file = try #require(fopen(path, "r"), "cannot read \(path)")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    #expect(fputs(text, file) >= 0)
  }

  /// What stands before, between and after the two marks of this name; the marks stay outside.
  static func split(_ path: String, at mark: String) throws -> (before: String, between: String, after: String) {
    let text = try read(path)
    let (open, close) = ("<!-- \(mark) -->", "<!-- end of \(mark) -->")
    let begin = try #require(text.firstRange(of: open)).upperBound
    let end = try #require(text.firstRange(of: close)).lowerBound
    return (String(text[..<begin]), String(text[begin..<end]), String(text[end...]))
  }
}
