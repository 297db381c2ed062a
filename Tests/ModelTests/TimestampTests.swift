import Glibc
import Model
import Support
import Testing

@Suite(.tags(.small))
struct TimestampTests {
  private static let day: Int64 = 86_400_000

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
    (999, "1970-01-01T00:00:00.999Z"), (1000, "1970-01-01T00:00:01.000Z"), (-day, "1969-12-31T00:00:00.000Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_800_000, "2000-03-01T00:00:00.000Z"),
    (1_709_164_800_000, "2024-02-29T00:00:00.000Z"), (1_704_067_199_999, "2023-12-31T23:59:59.999Z"),
    (1_795_212_000_000, "2026-11-20T22:00:00.000Z"),
    (4_107_456_000_000, "2100-02-28T00:00:00.000Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"), (-2_203_977_600_000, "1900-02-28T00:00:00.000Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
  ])
  func `a known moment is written as people know it`(milliseconds: Int64, text: String) {
    #expect("\(Timestamp(milliseconds: milliseconds))" == text)
  }

  @Test
  func `any moment of the years 0 to 9999 is written as gmtime has it`() {
    for _ in 0..<20_000 {
      let milliseconds = Int64.random(in: -62_167_219_200_000...253_402_300_799_999)
      #expect("\(Timestamp(milliseconds: milliseconds))" == byGlibc(milliseconds), "\(milliseconds)")
    }
  }

  private func byGlibc(_ milliseconds: Int64) -> String {
    let rest = (milliseconds % 1000 + 1000) % 1000
    var seconds = time_t((milliseconds - rest) / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      String(String(10_000 + number).suffix(width))
    }
    let date = [
      padded(Int(parts.tm_year) + 1900, 4), padded(Int(parts.tm_mon) + 1, 2), padded(Int(parts.tm_mday), 2),
    ]
    let clock = [padded(Int(parts.tm_hour), 2), padded(Int(parts.tm_min), 2), padded(Int(parts.tm_sec), 2)]
    return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":")).\(padded(Int(rest), 3))Z"
  }
}
