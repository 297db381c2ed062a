/// A point on the monotonic clock, in nanoseconds; the only time that limits are measured in.
public struct Instant: Comparable, Hashable, Sendable {
  /// Nanoseconds since an arbitrary start; never runs backwards, stands still while the machine sleeps.
  public var nanoseconds: Int64

  /// A point that many nanoseconds after the clock's start.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Later than every instant a clock can give.
  public static let never = Instant(nanoseconds: .max)

  /// Orders by time.
  public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

  /// The point this much later; stays at `never` instead of overflowing.
  public static func + (instant: Instant, span: TimeSpan) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
    return overflow ? .never : Instant(nanoseconds: sum)
  }

  /// The time between two points.
  public static func - (a: Instant, b: Instant) -> TimeSpan { TimeSpan(nanoseconds: a.nanoseconds &- b.nanoseconds) }
}

/// A length of time in nanoseconds.
public struct TimeSpan: Comparable, Hashable, Sendable {
  /// How many nanoseconds it lasts.
  public var nanoseconds: Int64

  /// A span of that many nanoseconds.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// A span of whole seconds.
  public static func seconds(_ count: Int64) -> TimeSpan { TimeSpan(nanoseconds: count * 1_000_000_000) }

  /// A span of whole milliseconds.
  public static func milliseconds(_ count: Int64) -> TimeSpan { TimeSpan(nanoseconds: count * 1_000_000) }

  /// No time at all.
  public static let zero = TimeSpan(nanoseconds: 0)

  /// Both together.
  public static func + (a: TimeSpan, b: TimeSpan) -> TimeSpan {
    TimeSpan(nanoseconds: a.nanoseconds &+ b.nanoseconds)
  }

  /// Orders by length.
  public static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.nanoseconds < b.nanoseconds }

  /// The whole milliseconds in it.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
