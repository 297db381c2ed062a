import Kernel
import Model

/// From nothing to the first answer.
struct ColdStart {
  let workshop: Workshop

  func contest() -> Contest {
    let count = workshop.options.size(20)
    return Contest(
      name: "cold",
      figures: [
        Figure(
          name: "cold.fresh", title: "start to first answer, new state folder", unit: "ms", digits: 1,
          goals: [.below(15)]),
        Figure(
          name: "cold.existing", title: "start to first answer, state folder there", unit: "ms", digits: 1,
          goals: [.below(15)]),
      ],
      reference: "C, a line on stdout",
      contestants: [
        Contestant("Reeve") { try reeve(count) },
        speaker("C, a line on stdout", workshop.limits, ["hello"], count),
        speaker("Node, a line on stdout", workshop.node, ["-e", "console.log(1)"], count),
        speaker("Python, a line on stdout", workshop.python, ["-c", "print(1)"], count),
      ])
  }

  private func reeve(_ count: Int) throws -> [Double?] {
    let existing = "\(try workshop.makeFolder())/state"
    try ReeveHost(workshop, state: existing).close()
    func median(_ state: String?) throws -> Double? {
      Series(
        try (0..<count).map { _ in
          let host = try ReeveHost(workshop, state: state)
          try host.close()
          return host.coldStart.seconds * 1000
        })?.median
    }
    return [try median(nil), try median(existing)]
  }

  private func speaker(_ name: String, _ program: String, _ words: [String], _ count: Int) -> Contestant {
    Contestant(name, absence: Installation.absence(program)) {
      let spans = try (0..<count).map { _ in
        let begin = Clock.now()
        let speaker = try workshop.start(program, words)
        try speaker.awaitWord(within: .seconds(10))
        let span = Clock.now() - begin
        try speaker.wait(within: .seconds(10))
        return span.seconds * 1000
      }
      let median = Series(spans)?.median
      return [median, median]
    }
  }
}
