import Support
import Testing
import Wire

@Suite(.tags(.small)) struct JSONScalarTests {
  @Test(arguments: [
    ("0", Int64(0)), ("-0", 0), ("7", 7), ("-120", -120), ("9223372036854775807", .max), ("-9223372036854775808", .min),
    ("9223372036854775808", nil), ("-9223372036854775809", nil), ("99999999999999999999", nil), ("1.0", nil),
    ("1e2", nil), ("\"1\"", nil), ("null", nil), ("true", nil), ("[]", nil), ("{}", nil),
  ])
  func `an integer is read exactly or not at all`(text: String, value: Int64?) {
    let bytes = Array("[\(text)]".utf8)
    let read = JSONScalar.integer(bytes.span.bytes, range: 1..<bytes.count - 1)
    #expect(read == value)
  }

  @Test(arguments: [
    ("0", 0.0), ("-12", -12), ("0.0004", 0.0004), ("1.5e-3", 0.0015), ("1E2", 100), ("1e999", .infinity),
    ("-1e999", -.infinity), ("1e-999", 0), ("123456789012345678901234567890", 1.2345678901234568e29),
    ("\"1\"", nil), ("null", nil), ("[1]", nil),
  ])
  func `a number is read as the nearest double`(text: String, value: Double?) {
    let bytes = Array("[\(text)]".utf8)
    let read = JSONScalar.double(bytes.span.bytes, range: 1..<bytes.count - 1)
    #expect(read == value)
  }

  @Test(arguments: [("true", true), ("false", false), ("null", nil), ("1", nil), ("\"true\"", nil)])
  func `a boolean is read only where there is one`(text: String, value: Bool?) {
    let bytes = Array(text.utf8)
    let read = JSONScalar.bool(bytes.span.bytes, range: 0..<bytes.count)
    #expect(read == value)
  }
}
