internal import Host
internal import Kernel
internal import Loop
internal import Model
internal import RPC
internal import Supervision
internal import Wire

/// A wish that a run ends.
@LoopActor struct Cancelling {
  let reason: Verdict.Cancellation
  let urgency: RunMachine.Urgency
  /// Whether the answer comes only when nothing of it is left, and how long that may take.
  let waits: Bool
  let timeout: TimeSpan?

  func perform(_ id: RunID, _ session: Session, _ call: Call) {
    guard let (didCancel, run) = session.host.cancel(id, reason, urgency: urgency) else {
      return session.withRun(id, call) { tellOwner(of: $0, session, call) }
    }
    guard waits else { return answer(call, didCancel, run) }
    let waiting = Waiting.begin(for: run, .gone, timeout, session) { run, isGone in
      answer(call, didCancel, run, survivors: isGone && run.disposal != .stuck ? [] : survivors(run))
    }
    if let waiting { call.onCancel = { waiting.stop() } }
  }

  private func answer(_ call: Call, _ didCancel: Bool, _ run: RunRecord, survivors: [JSON]? = nil) {
    var answer: JSONObject = ["cancelled": .bool(didCancel), "run": RunJSON.object(run, isExcerpt: true)]
    if let survivors { answer["survivors"] = .array(survivors) }
    call.succeed(.object(answer))
  }

  private func survivors(_ run: RunRecord) -> [JSON] {
    if case .array(let list)? = run.leftovers.flatMap({ try? JSON.parse($0.text) }) { list } else { [] }
  }

  /// A run that is not ours, or not any more: its owner is told, if it is not over.
  private func tellOwner(of run: RunRecord, _ session: Session, _ call: Call) {
    guard run.gone == nil else { return answer(call, false, run, survivors: waits ? [] : nil) }
    var params: JSONObject = [
      "run": .string(run.id.description), "reason": .string(reason.rawValue), "urgency": .string(urgency.rawValue),
    ]
    params["expires"] = .integer(Clock.wallMilliseconds() + HostClient.patience.milliseconds)
    if waits { params["wait"] = "gone" }
    if let timeout { params["timeout"] = .string(LimitText.text(timeout.nanoseconds, unit: .time)) }
    Relay.begin(for: run, call, .object(params), waiting: waits ? .until(timeout) : .no, session) { settled in
      // Its owner had died: by now it is known how it ended, unless somebody else is just finding out.
      guard settled.status.isTerminal else {
        let error = HostError(
          .ownerUnreachable(run.host), "the host \(run.host) has died, and what it left is not settled yet; try again")
        return call.fail(ProtocolError.error(error))
      }
      answer(call, false, settled, survivors: waits ? survivors(settled) : nil)
    }
  }
}
