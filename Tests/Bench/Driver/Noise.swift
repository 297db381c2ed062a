import Glibc
import Kernel
import Model

/// Whether others use the machine.
struct Noise {
  /// The ninth decile of the reference's rounds may be so many times the first: more is a machine that others use.
  static let widestSpread = 1.25
  /// How much of the processors may be in use just before a measurement.
  private static let mostBusy = 0.1
  /// How much of them may have been taken by other machines during one.
  private static let mostStolen = 0.05
  /// How long a look at an idle machine lasts, and how long it is given to become idle.
  private static let look = TimeSpan.milliseconds(150)
  private static let patience = TimeSpan.seconds(10)

  private var measurements = 0
  private var busy: [Double] = []
  private var stolen: [Double] = []

  /// Waits until the machine has little to do; then measures.
  mutating func watch<Result>(_ body: () throws -> Result) throws -> Result {
    let deadline = Clock.now() + Self.patience
    var share = 1.0
    repeat {
      let before = try Self.ticks()
      usleep(UInt32(Self.look.nanoseconds / 1000))
      share = try Self.ticks().busyShare(since: before)
    } while share > Self.mostBusy && Clock.now() < deadline
    measurements += 1
    if share > Self.mostBusy { busy.append(share) }
    let before = try Self.ticks()
    defer {
      if let share = try? Self.ticks().stolenShare(since: before), share > Self.mostStolen { stolen.append(share) }
    }
    return try body()
  }

  /// What there is to complain about.
  var complaints: [String] {
    [
      ("the machine was in use before", busy), ("other machines took processor time from", stolen),
    ].compactMap { (what: String, shares: [Double]) in
      guard let most = shares.max() else { return nil }
      let percent = Figures.plain(most * 100, digits: 0)
      return "\(what) \(shares.count) of \(measurements) measurements, up to \(percent) %"
    }
  }

  /// Processor time since the machine began, in ticks.
  private struct Ticks {
    var all = 0.0
    var idle = 0.0
    var stolen = 0.0

    func busyShare(since before: Ticks) -> Double { 1 - (idle - before.idle) / max(all - before.all, 1) }
    func stolenShare(since before: Ticks) -> Double { (stolen - before.stolen) / max(all - before.all, 1) }
  }

  private static func ticks() throws -> Ticks {
    let text = try Descriptor.open("/proc/stat", flags: O_RDONLY).readAll(limit: 1 << 20) ?? []
    let line = text.prefix { $0 != UInt8(ascii: "\n") }
    // user nice system idle iowait irq softirq steal; the guests' time is in user already.
    let numbers = String(decoding: line, as: UTF8.self).split(separator: " ").dropFirst().prefix(8).map {
      Double($0) ?? 0
    }
    guard numbers.count == 8 else { throw BenchError("/proc/stat is not what it was") }
    return Ticks(all: numbers.reduce(0, +), idle: numbers[3] + numbers[4], stolen: numbers[7])
  }
}
