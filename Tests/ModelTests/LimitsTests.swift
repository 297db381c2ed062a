import Support
import Testing

@testable import Model

@Suite(.tags(.small))
struct LimitsTests {
  /// The value that a text gives, in the limit's smallest unit.
  private func value(_ name: LimitName, _ text: String) throws -> Int64? {
    var limits = Limits()
    try limits.assign(name.rawValue, text, from: .request)
    return limits[name].value
  }

  private func problem(_ name: String, _ text: String) -> LimitError? {
    #expect(throws: LimitError.self) {
      var limits = Limits()
      try limits.assign(name, text, from: .request)
    }
  }

  @Test(arguments: [
    (LimitName.wall, "90s", 90_000_000_000), (.wall, "2h", 7_200_000_000_000), (.wall, "1d", 86_400_000_000_000),
    (.idle, "10m", 600_000_000_000), (.grace, "200ms", 200_000_000), (.start, "1000us", 1_000_000),
    (.start, "1000000ns", 1_000_000), (.leave, "0s", 0), (.grace, "0ms", 0), (.wall, "007s", 7_000_000_000),
    (.memory, "512MiB", 536_870_912), (.memory, "2GiB", 2_147_483_648), (.memory, "1TiB", 1_099_511_627_776),
    (.memory, "2GB", 2_000_000_000), (.output, "1KB", 1000), (.output, "1KiB", 1024), (.output, "5MB", 5_000_000),
    (.output, "1TB", 1_000_000_000_000), (.stderr, "0B", 0), (.tasks, "17", 17),
    (.tokens, "9223372036854775807", Int64.max),
    (.cost, "2", 2_000_000), (.cost, "0.50", 500_000), (.cost, "0.000001", 1), (.cost, "0.1", 100_000),
    (.cost, "1234567.891011", 1_234_567_891_011), (.cost, "9223372036854.775807", Int64.max),
  ])
  func `a value is read exactly, in every unit`(name: LimitName, text: String, expected: Int64) throws {
    #expect(try value(name, text) == expected)
  }

  @Test(arguments: [
    (LimitName.wall, "90"), (.wall, ""), (.wall, "s"), (.wall, "-1s"), (.wall, "+1s"), (.wall, "1.5h"), (.wall, "1 s"),
    (.wall, " 1s"), (.wall, "1S"), (.wall, "1h30m"), (.wall, "1w"), (.wall, "1MiB"), (.wall, "９s"), (.wall, "NONE"),
    (.wall, "106752d1"), (.wall, "99999999999d"), (.wall, "99999999999999999999s"),
    (.memory, "512"), (.memory, "1G"), (.memory, "1gib"), (.memory, "8388608TiB"), (.memory, "1s"),
    (.tasks, "4096 "), (.tasks, "1e3"), (.tasks, "0x10"), (.tasks, "-1"), (.tasks, ""), (.tasks, "1.0"),
    (.cost, "0.0000001"), (.cost, "1."), (.cost, ".5"), (.cost, "-1"), (.cost, "1,5"), (.cost, "$1"), (.cost, "1e3"),
    (.cost, "1.2.3"), (.cost, ""), (.cost, "9223372036854.775808"), (.cost, "9223372036855"),
  ])
  func `what is no value of the unit is refused with the text and a hint`(name: LimitName, text: String) throws {
    let error = try #require(problem(name.rawValue, text))
    #expect(error.problem == .unreadable(text, name.rule.unit))
    #expect(error.name == name.rawValue)
    #expect(error.description.contains("“\(text)”") && error.description.contains("“\(name.rawValue)”"))
  }

  @Test(arguments: [
    (LimitName.wall, "367d"), (.wall, "0s"), (.start, "999us"), (.bury, "0s"), (.memory, "1B"), (.memory, "1023KiB"),
    (.tasks, "0"), (.tasks, "4194305"), (.line, "1023B"), (.line, "2GiB"), (.stderr, "2GiB"), (.cost, "0"),
    (.cost, "0.000000"), (.tokens, "0"), (.output, "0B"),
  ])
  func `a value that makes no sense is refused with what would`(name: LimitName, text: String) throws {
    let error = try #require(problem(name.rawValue, text))
    let range = name.rule.range
    #expect(error.problem == .absurd(text, range.lowerBound, range.upperBound, name.rule.unit))
    #expect(error.description.contains(LimitText.text(range.upperBound, unit: name.rule.unit)))
    // Both ends that the message names are taken.
    for end in [range.lowerBound, range.upperBound] {
      #expect(try value(name, LimitText.text(end, unit: name.rule.unit)) == end)
    }
  }

  @Test(arguments: ["", "Wall", "walls", "wall ", "timeout"])
  func `an unknown limit is named, together with those there are`(name: String) throws {
    let error = try #require(problem(name, "1s"))
    #expect(error.problem == .unknown && error.name == name)
    for known in LimitName.allCases { #expect(error.description.contains(known.rawValue)) }
  }

  @Test(arguments: LimitName.allCases)
  func `every limit but the line, stderr and the steps of a burial can be switched off`(name: LimitName) throws {
    let isFixed = [LimitName.line, .stderr, .leave, .grace, .bury].contains(name)
    if isFixed {
      #expect(problem(name.rawValue, "none")?.problem == .required)
    } else {
      var limits = Limits()
      try limits.assign(name.rawValue, "none", from: .config)
      #expect(limits[name] == Limits.Entry(value: nil, origin: .config))
      #expect(limits.text(name) == "none")
    }
  }

  @Test(arguments: [
    (LimitName.wall, "60000ms", "1m"), (.wall, "90s", "90s"), (.wall, "1440m", "1d"), (.grace, "0ms", "0s"),
    (.start, "1500us", "1500us"), (.memory, "1048576KiB", "1GiB"), (.memory, "2GB", "1953125KiB"),
    (.output, "1000B", "1000B"), (.stderr, "0MiB", "0B"), (.tasks, "0042", "42"), (.cost, "2", "2.0"),
    (.cost, "0.50", "0.5"), (.cost, "0.000010", "0.00001"), (.cost, "10.01", "10.01"),
  ])
  func `the text of a value is its shortest exact one`(name: LimitName, text: String, canonical: String) throws {
    var limits = Limits()
    try limits.assign(name.rawValue, text, from: .request)
    #expect(limits.text(name) == canonical)
    #expect(try value(name, canonical) == limits[name].value)
  }

  @Test
  func `any value that a limit may have survives being written and read`() throws {
    for name in LimitName.allCases {
      for _ in 0..<500 {
        let chosen = Int64.random(in: name.rule.range)
        let text = LimitText.text(chosen, unit: name.rule.unit)
        #expect(LimitText.value(text, unit: name.rule.unit) == chosen, "\(name) \(text)")
      }
    }
  }

  @Test
  func `a limit keeps where it came from, the last word counts, and a refused one changes nothing`() throws {
    var limits = Limits()
    #expect(limits[.wall] == Limits.Entry(value: TimeSpan.seconds(21_600).nanoseconds, origin: .default))
    #expect(limits.text(.wall) == "6h" && limits.text(.memory) == "none")
    try limits.assign("wall", "10m", from: .plugin)
    #expect(limits[.wall].origin == .plugin)
    try limits.assign("wall", "5m", from: .request)
    #expect(throws: LimitError.self) { try limits.assign("wall", "5", from: .config) }
    #expect(limits[.wall] == Limits.Entry(value: TimeSpan.seconds(300).nanoseconds, origin: .request))
    #expect(limits.span(.wall) == .seconds(300))
    #expect(limits[.idle].origin == .default)
  }
}
