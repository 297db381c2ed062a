import Kernel
import Model
import Wire

/// The end of a run that has become many processes.
struct TreeKill {
  let workshop: Workshop

  func contest() -> Contest {
    let count = workshop.options.size(400)
    return Contest(
      name: "kill",
      figures: [
        Figure(
          name: "kill.tree", title: "kill of a tree of \(count) tasks, until nothing is left", unit: "ms",
          digits: 1)
      ],
      reference: "kill and waitpid (C)",
      contestants: [
        Contestant("Reeve") { [try reeve(count)] },
        Contestant("kill and waitpid (C)") { [try workshop.figure(workshop.limits, ["tree-kill", "\(count)"])] },
      ])
  }

  private func reeve(_ count: Int) throws -> Double {
    let host = try ReeveHost(workshop)
    try host.start("tree", prompt: "\(count - 1)")
    var (name, isUp): (String?, Bool) = (nil, false)
    while name == nil || !isUp {
      switch try host.nextMessage() {
      case .run(let news): name = news.name
      case .events: isUp = true
      case .answer, .failure: break
      }
    }
    let begin = Clock.now()
    let params = #"{"run":"\#(name ?? "")","urgency":"now","wait":"gone","timeout":"60s"}"#
    let isGone = try host.call("run/cancel", params) { $0.end(of: #""disposal":"gone""#) != nil }
    let span = host.arrived - begin
    guard isGone else { throw BenchError("something of the tree is left") }
    try host.close()
    return span.seconds * 1000
  }
}
