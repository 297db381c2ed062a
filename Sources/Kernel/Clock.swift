internal import Glibc
public import Model

/// The two clocks that Reeve reads.
public enum Clock {
  /// The monotonic clock, which every limit is measured by.
  public static func now() -> Instant {
    let time = read(CLOCK_MONOTONIC)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Milliseconds since 1970 by the wall clock, which may jump: for records, never for limits.
  public static func wallMilliseconds() -> Int64 {
    let time = read(CLOCK_REALTIME)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    // Fails only for a clock that does not exist or an address that is not ours.
    clock_gettime(clock, &time)
    return time
  }
}
