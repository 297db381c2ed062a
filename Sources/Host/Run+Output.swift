internal import Kernel
internal import Loop
internal import Model
internal import Plugins
internal import Supervision
internal import Wire

extension Run {
  /// One bounded read a turn, so that one runaway agent does not starve the others.
  func readOutput(atMost bound: Int = .max) {
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
      _ = machine.eventSeen(.life, at: Loop.shared.now)
    case .wouldBlock: break
    case .end: errors.take()?.close()
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
    if isOutputAtEnd { return readOutput() }
    readUnfinishedWord()
    var isWhole = splitter.pending == 0
    splitter.peek { isWhole = dialect.read($0) != nil }
    if !isWhole { noteCutLine() }
  }

  private var isOutputAtEnd: Bool {
    switch output {
    case .some(let pipe): pipe.owner.isAtEnd
    case .none: false
    }
  }

  private func noteCutLine() {
    isLastLineCut = true
    if preparation.manifest.result == .event { record.flags.insert(.truncatedLine) }
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

  /// Takes a final word that lacks only its newline. It is no event yet: the line may still come to its end.
  func readUnfinishedWord() {
    guard machine.takesFinalWord else { return }
    splitter.peek { line in
      switch dialect.read(line) {
      case .success(let output): finalWord(.success, line, output: output, error: nil)
      case .failure(let error): finalWord(.failure, line, output: nil, error: error)
      default: break
      }
    }
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
    guard let meaning = dialect.read(line) else {
      record.noise += 1
      record.flags.insert(.noise)
      _ = machine.eventSeen(.life, at: now)
      return
    }
    switch meaning {
    case .life: _ = machine.eventSeen(.life, at: now)
    case .content: _ = machine.eventSeen(.content, at: now)
    case .text(let range):
      say(line, range)
      _ = machine.eventSeen(.content, at: now)
    case .toolStarted(let identifier): _ = machine.eventSeen(.toolStarted(identifier), at: now)
    case .toolFinished(let identifier): _ = machine.eventSeen(.toolFinished(identifier), at: now)
    case .usage:
      usage.add(line)
      _ = machine.eventSeen(.content, at: now)
    case .session(let range):
      record.session = JSONString.text(line, range)
      _ = machine.eventSeen(.content, at: now)
    case .success(let output): finalWord(.success, line, output: output, error: nil)
    case .failure(let error): finalWord(.failure, line, output: nil, error: error)
    }
  }

  private func say(_ line: RawSpan, _ range: Range<Int>) {
    // Scratch that keeps its storage: this is done for every piece of an answer.
    guard !verdictIsGiven else { return }
    host.scratch.removeAll(keepingCapacity: true)
    JSONString.decode(line, range: range, into: &host.scratch)
    answer.append(host.scratch)
    for observer in observers { observer.runSaid(record.id, host.scratch) }
  }

  private func finalWord(_ word: FinalWord, _ line: RawSpan, output: Range<Int>?, error: Range<Int>?) {
    if machine.takesFinalWord {
      pass(.word)
      let result = AgentResult(line, output)
      (record.output, record.text) = (result.output, result.text)
      record.error = error.map { AgentResult.reason(line, $0) }
      if word == .failure && record.error == nil { record.error = "the agent reported an error without saying which" }
    }
    perform(machine.finalWordSeen(word, at: Loop.shared.now))
  }
}
