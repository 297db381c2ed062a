internal import Dialects
internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

extension Run {
  /// So much of one agent's output is read in a turn: little enough that many who all have much to say keep nobody waiting
  /// for long, and enough that turns cost next to nothing beside it.
  private static let turnBytes = 64 * 1024

  /// One bounded read a turn, so that one runaway agent does not starve the others.
  func readOutput(atMost bound: Int = Run.turnBytes) {
    let room = UnsafeMutableRawBufferPointer(rebasing: host.buffer.prefix(bound))
    guard let outcome = read(output, into: room) else { return }
    switch outcome {
    case .bytes(let count):
      if !verdictIsGiven { _ = succeeds(at: .event) }
      take(UnsafeRawBufferPointer(rebasing: room.prefix(count)).bytes)
    case .wouldBlock: break
    case .end:
      output.take()?.close()
      finishLines()
    }
  }

  func readErrors(atMost bound: Int = .max) {
    let room = UnsafeMutableRawBufferPointer(rebasing: host.buffer.prefix(bound))
    guard let outcome = read(errors, into: room) else { return }
    switch outcome {
    case .bytes(let count):
      errorLog.append(UnsafeRawBufferPointer(rebasing: room.prefix(count)).bytes, in: &folder)
      hearErrors(errorLog.harmless)
      _ = machine.eventSeen(.life, at: Loop.shared.now)
    case .wouldBlock: break
    case .end:
      errors.take()?.close()
      finishErrorLines()
    }
  }

  /// Reads what the pipes hold at this moment, and no more: a grandchild may keep them full for ever.
  func drain() {
    if let waiting = waiting(in: output) { drain(waiting) { readOutput(atMost: $0) } }
    if let waiting = waiting(in: errors) { drain(waiting) { readErrors(atMost: $0) } }
  }

  private func drain(_ waiting: Int, _ read: (Int) -> Void) {
    var left = waiting
    while left > 0 {
      let part = min(left, host.buffer.count)
      read(part)
      left -= part
    }
  }

  private func waiting(in pipe: borrowing Watched<Descriptor>?) -> Int? {
    switch pipe {
    case .some(let pipe): try? pipe.owner.bytesWaiting()
    case .none: nil
    }
  }

  private func read(
    _ pipe: borrowing Watched<Descriptor>?, into room: UnsafeMutableRawBufferPointer
  ) -> ReadOutcome? {
    switch pipe {
    case .some(let pipe):
      do { return try pipe.owner.read(into: room) } catch {
        // Not a word of what comes would be heard: waiting for it would only take longer.
        if !verdictIsGiven { fault(error) }
        return .end
      }
    case .none: return nil
    }
  }

  // MARK: - Lines

  private func take(_ chunk: RawSpan) {
    let limit = preparation.limits[.output].value ?? .max
    let room = Int(clamping: max(0, limit - record.bytes))
    record.bytes += Int64(chunk.byteCount)
    store(chunk.extracting(first: room))
    splitter.feed(
      chunk, line: { readLine($0) },
      skipped: { _ in
        record.events += 1
        record.flags.insert(.truncatedLine)
        _ = machine.eventSeen(.content, at: Loop.shared.now)
      })
    // Half a line is no event, but it shows that somebody lives.
    if splitter.pending > 0 { _ = machine.eventSeen(.life, at: Loop.shared.now) }
    if record.bytes > limit { perform(machine.limitExceeded(.output, at: Loop.shared.now)) }
    for observer in observers { observer.runAppended(record) }
  }

  /// The leader has exited: what it left without a newline is a line if it is whole.
  ///
  /// Whoever else holds the pipe may yet bring that line to its end, and in the transcript it is one then. So it is only
  /// looked at, unless the pipe has ended as well.
  func judgeLastLine() {
    finishErrorLines()
    finishText()
    if isOutputAtEnd { return readOutput() }
    let last = readUnfinishedLine()
    heard(last.reading)
    if !last.isWhole { noteCutLine() }
  }

  private var isOutputAtEnd: Bool {
    switch output {
    case .some(let pipe): pipe.owner.isAtEnd
    case .none: false
    }
  }

  private func noteCutLine() {
    isLastLineCut = true
    if preparation.manifest.result != .exit { record.flags.insert(.truncatedLine) }
  }

  /// The stream has ended, or nobody will read it any more: what it holds without a newline is its last line.
  func finishLines() {
    let pending = splitter.pending
    guard pending > 0 else { return }
    let noise = record.noise
    splitter.finish(
      line: { readLine($0) },
      skipped: { _ in
        record.events += 1
        record.noise += 1
      })
    // What comes behind the exit of the leader says nothing about that any more.
    if record.noise > noise && !hasLeaderExited { noteCutLine() }
  }

  /// Takes a final word that lacks only its newline: no clock and no cancel may win over it. Where words are only
  /// evidence nothing is decided by one more.
  func readUnfinishedWord() {
    guard machine.takesFinalWord, machine.terms.basis != .evidence else { return }
    let before = testimony
    let reading = readUnfinishedLine().reading
    if reading.word == nil { testimony = before } else { heard(reading) }
  }

  /// Reads a line that lacks only its newline. It is no event: the line may still come to its end, and what it adds up is
  /// added then.
  private func readUnfinishedLine() -> (reading: Reading, isWhole: Bool) {
    var reading = Reading()
    guard splitter.pending > 0 else { return (reading, true) }
    var isWhole = false
    // Read with another, so that this one is as if nothing had been read.
    var interpreter = interpreter
    testimony.lineBegan()
    splitter.peek { line in
      let kind = interpreter.read(line) { meaning, text in
        if case .figure = meaning { return }
        testimony.take(meaning, in: text, isOver: !machine.takesFinalWord)
        reading.word = FinalWord(meaning) ?? reading.word
        if case .done = meaning { reading.isDone = true }
      }
      isWhole = kind != .noise
    }
    return (reading, isWhole)
  }

  /// A text that the agent breaks into lines ends here, if one was begun.
  private func finishText() {
    var reading = Reading()
    testimony.lineBegan()
    interpreter.finishText { hear($0, $1, &reading, at: Loop.shared.now) }
    heard(reading)
  }

  /// Whatever is made of stderr may be stored or told: it is heard without secrets.
  private func hearErrors(_ piece: [UInt8]) {
    guard interpreter.dialect.hearsErrors else { return }
    errorSplitter.feed(piece.span.bytes, line: { readErrorLine($0) }, skipped: { _ in })
  }

  /// What stderr holds without a newline is its last line.
  private func finishErrorLines() {
    hearErrors(errorLog.undecided)
    if errorSplitter.pending > 0 { errorSplitter.finish(line: { readErrorLine($0) }, skipped: { _ in }) }
  }

  /// Whether the transcript has all that was read.
  private var isStoring: Bool {
    transcript.failure == nil && record.bytes <= preparation.limits[.output].value ?? .max
  }

  private func store(_ chunk: RawSpan) {
    guard !chunk.isEmpty, transcript.failure == nil else { return }
    transcript.append(chunk, in: &folder)
    guard let failure = transcript.failure else { return }
    record.flags.insert(.transcriptGap)
    record.eventsStored = transcript.wholeLines
    host.log("the transcript of run \(record.id) ends early: \(failure)")
  }

  private func readLine(_ line: RawSpan) {
    record.events += 1
    let now = Loop.shared.now
    var reading = Reading()
    testimony.lineBegan()
    let kind = interpreter.read(line) { hear($0, $1, &reading, at: now) }
    // What the transcript has of this chunk, it has before: but not where it ends early.
    if kind == .json && record.jsonEvents == record.events - 1 && isStoring { record.jsonEvents = record.events }
    if kind == .noise {
      record.noise += 1
      record.flags.insert(.noise)
    }
    // An empty piece of text is no progress: agents have been seen to send nothing else for hours.
    if !reading.hasContent { _ = machine.eventSeen(.life, at: now) }
    heard(reading)
  }

  /// A line was read to its end: now the verdict can have all of it.
  private func heard(_ reading: Reading) {
    if let word = reading.word { finalWord(word) }
    if reading.isDone { perform(machine.concluded(at: Loop.shared.now)) }
    if reading.hasFigures { checkBudget() }
  }

  private func readErrorLine(_ line: RawSpan) {
    var reading = Reading()
    testimony.lineBegan()
    if !interpreter.readError(line, { hear($0, $1, &reading, at: Loop.shared.now) }) { testimony.complained(line) }
    heard(reading)
  }

  /// What one line has brought.
  private struct Reading {
    var hasContent = false
    var hasFigures = false
    var word: FinalWord?
    var isDone = false
  }

  private func hear(_ meaning: Meaning, _ line: RawSpan, _ reading: inout Reading, at now: Instant) {
    let isOver = !machine.takesFinalWord
    testimony.take(meaning, in: line, isOver: isOver)
    var sign: RunMachine.Sign? = .content
    switch meaning {
    case .progress: break
    case .text(let said), .piece(let said):
      if said.isEmpty(in: line) { sign = nil }
      if !isOver { say() }
    case .toolStarted(let call):
      record.activity = testimony.activity
      sign = .toolStarted(call.key)
    case .toolFinished(let call, _):
      record.activity = testimony.activity
      sign = .toolFinished(call.key)
    case .figure: reading.hasFigures = true
    case .session: record.session = testimony.session
    case .error: sign = nil
    case .retrying:
      record.flags.insert(.retried)
      record.activity = testimony.activity
      sign = nil
    case .attention: record.flags.insert(.attention)
    case .done:
      reading.isDone = true
      sign = nil
    case .success, .failure:
      reading.word = FinalWord(meaning)
      sign = nil
    }
    guard let sign else { return }
    reading.hasContent = true
    _ = machine.eventSeen(sign, at: now)
  }

  private func say() {
    guard isHeard else { return }
    for observer in observers where observer.hearsText { observer.runSaid(record.id, testimony.said) }
  }

  private func finalWord(_ word: FinalWord) {
    if machine.takesFinalWord { pass(.word) }
    perform(machine.finalWordSeen(word, at: Loop.shared.now))
  }
}
