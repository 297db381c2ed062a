internal import Glibc
internal import Host
internal import Loop
internal import Model

/// The one line that `reeve run` keeps at the bottom of a terminal while a run goes on.
@LoopActor final class StatusLine: EventSource {
  /// How often the elapsed time moves.
  private static let tick = TimeSpan.seconds(1)

  private let printer: Printer
  private let timer = LoopTimer(tag: 0)
  private let began = Loop.shared.now
  private var run: RunRecord
  private var isShown = false
  /// Whether the text above it ends with a newline, so that it can stand on a line of its own.
  private var isAtLineStart = true

  init(_ run: RunRecord, printer: Printer) {
    self.run = run
    self.printer = printer
    timer.arm(at: Loop.shared.now + Self.tick, source: self)
  }

  func update(_ run: RunRecord) { self.run = run }

  /// Writes text above it.
  func write(_ text: [UInt8]) {
    hide()
    printer.write(text, to: STDOUT_FILENO)
    if let last = text.last { isAtLineStart = last == UInt8(ascii: "\n") }
    show()
  }

  /// Writes a line of its own above it, to stderr.
  func complain(_ line: [UInt8]) {
    hide()
    startLine()
    printer.write(line, to: STDERR_FILENO)
    show()
  }

  func ready(_ tag: Int, _ readiness: Readiness) {}

  func timerFired(_ tag: Int) {
    timer.arm(at: Loop.shared.now + Self.tick, source: self)
    guard printer.keepsUp else { return }
    hide()
    show()
  }

  /// Takes it away for good.
  func end() {
    timer.disarm()
    hide()
    startLine()
  }

  private func startLine() {
    if !isAtLineStart { printer.write([UInt8(ascii: "\n")], to: STDOUT_FILENO) }
    isAtLineStart = true
  }

  private func show() {
    guard isAtLineStart else { return }
    let seconds = (Loop.shared.now - began).milliseconds / 1000
    let elapsed = seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
    var parts = ["\(run.plugin) \(run.status.rawValue)", elapsed, "\(run.events) events"]
    if !run.status.isTerminal, let activity = run.activity { parts.append(Terminal.printableLine(activity)) }
    if let memory = run.memoryPeak { parts.append("\(memory >> 20) MiB") }
    if run.disposal != .alive && run.status.isTerminal { parts.append(run.disposal.rawValue) }
    if let cost = run.cost { parts.append("$\(cost)") }
    let text = String(parts.joined(separator: " · ").prefix(Terminal.width - 1))
    printer.write(Array("\r\u{1b}[K\(Style.dim(text))".utf8), to: STDERR_FILENO)
    isShown = true
  }

  private func hide() {
    if isShown { printer.write(Array("\r\u{1b}[K".utf8), to: STDERR_FILENO) }
    isShown = false
  }
}

/// Colour, where there is a terminal and nobody has forbidden it.
enum Style {
  private static let isOn = Terminal.isErrorTerminal && getenv("NO_COLOR") == nil

  static func dim(_ text: String) -> String { isOn ? "\u{1b}[2m\(text)\u{1b}[0m" : text }
}
