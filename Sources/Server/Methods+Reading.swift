internal import Host
internal import Ledger
internal import Loop
internal import Model
internal import RPC
internal import Wire

/// What is known of runs.
extension Methods {
  static let reading = [
    Method(
      "run/get", "All that is known of a run", takes: [Wanted.run.member], isSlow: true,
      gives: [Member("run", Shapes.aRun)],
      errors: [.runNotFound, .ledgerUnavailable]
    ) { session, given, call in
      session.withRun(try given[Wanted.run], call) { call.succeed(["run": RunJSON.object($0)]) }
    },
    Method(
      "run/list", "Runs of all hosts, newest first; `next` is the `before` of the next page",
      takes: [
        Wanted.statuses.member, Wanted.withPlugin.member, Wanted.withLabels.member, Wanted.runLimit.member,
        Wanted.before.member,
      ],
      isSlow: true, gives: [Member("runs", .list(of: Shapes.aRun)), .optional("next", Shapes.anIdentifier)],
      errors: [.ledgerUnavailable], list),
    Method(
      "run/wait", "Waits for a run to come to its verdict, or to its end, and never touches it",
      takes: [Wanted.run.member, Wanted.timeout.member, Wanted.until.member],
      gives: [Member("run", Shapes.aRun), Member("done", .boolean, "false when the wait was over first")],
      errors: [.runNotFound, .ownerUnreachable], wait),
    Method(
      "run/events", "A page of the events of a run, of a MiB or one event at most",
      takes: [Wanted.run.member, Wanted.after.member, Wanted.eventLimit.member],
      isSlow: true,
      gives: [
        Member("events", .list(of: .named("Event"))),
        Member("next", Shape.count.orNull, "the `after` of the next page; null when there is none now"),
        Member("end", .count, "how many events the run has"),
      ], errors: [.runNotFound], events),
    Method(
      "run/subscribe",
      "Sends the events of a run from any number on, and its changes, as `run/appended` and `run/changed`",
      takes: [Wanted.run.member, Wanted.after.member], gives: [Member("subscription", .text)],
      errors: [.runNotFound, .ownerUnreachable, .tooManySubscriptions], subscribe),
    Method(
      "run/unsubscribe", "Sends no more of it", takes: [Wanted.subscription.member],
      gives: [Member("unsubscribed", .boolean)]
    ) { session, given, call in
      call.succeed(["unsubscribed": .bool(session.unsubscribe(try given[Wanted.subscription]))])
    },
    Method(
      "run/why", "How a run came to be what it is, on what evidence", takes: [Wanted.run.member],
      isSlow: true, gives: [Member("run", Shapes.aRun), Member("transitions", .list(of: .named("Transition")))],
      errors: [.runNotFound, .ledgerUnavailable]
    ) { session, given, call in
      session.withRun(try given[Wanted.run], call) { run in
        session.host.transitions(of: run.id) { result in
          call.answer(result) {
            [
              "run": RunJSON.object(run, isExcerpt: true),
              "transitions": .array($0.map { RunJSON.transition($0) }),
            ]
          }
        }
      }
    },
  ]

  private static let list: Method.Body = { session, given, call in
    var query = RunQuery(limit: Int(try given[Wanted.runLimit]))
    query.statuses = try given[Wanted.statuses]
    query.plugin = try given[Wanted.withPlugin]
    query.labels = try given[Wanted.withLabels].pairs
    query.before = try given[Wanted.before]
    session.host.list(query) { result in
      call.answer(result) { page in
        var answer: JSONObject = ["runs": .array(page.runs.map { RunJSON.object($0, isExcerpt: true) })]
        if let next = page.next { answer["next"] = .string(next.description) }
        return .object(answer)
      }
    }
  }

  private static let wait: Method.Body = { session, given, call in
    let milestone = try given[Wanted.until] ?? .settled
    let timeout = try given[Wanted.timeout]
    @LoopActor func conclude(_ run: RunRecord, _ isDone: Bool) {
      call.succeed(["run": RunJSON.object(run), "done": .bool(isDone)])
    }
    session.withRun(try given[Wanted.run], call) { run in
      if session.host.run(run.id) == nil && run.gone == nil {
        return Relay.begin(for: run, call, call.params ?? [:], waiting: .until(timeout), session) {
          conclude($0, milestone == .settled ? $0.status.isTerminal : $0.gone != nil || $0.disposal == .stuck)
        }
      }
      let waiting = Waiting.begin(for: run, milestone, timeout, session, conclude)
      if let waiting { call.onCancel = { waiting.stop() } }
    }
  }

  private static let events: Method.Body = { session, given, call in
    let (after, limit) = (try given[Wanted.after], Int(try given[Wanted.eventLimit]))
    session.withRun(try given[Wanted.run], call) { run in
      session.host.events(of: run, after: after, limit: limit) { result in
        call.answer(result) { page in
          let next = page.hasMore ? page.events.last?.number : nil
          return [
            "events": .array(page.events.map { ["n": .integer($0.number), "event": .raw($0.text)] }),
            "next": next.map { .integer($0) } ?? .null, "end": .integer(run.events),
          ]
        }
      }
    }
  }

  private static let subscribe: Method.Body = { session, given, call in
    let after = try given[Wanted.after]
    try session.checkSubscriptions()
    session.withRun(try given[Wanted.run], call) { run in
      if session.host.run(run.id) == nil && run.gone == nil && run.disposal != .stuck {
        return Relay.begin(for: run, call, call.params ?? [:], session) { begin($0) }
      }
      begin(run)
    }
    @LoopActor func begin(_ run: RunRecord) {
      let name = session.subscribe(to: run, after: after)
      call.succeed(["subscription": .string(name)])
      session.begun(run)
    }
  }
}
