import Support

/// Texts near the edge between JSON and noise, the same ones for the same seed.
struct FuzzCases {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// The names that cases often have members of.
  static let names = ["type", "typed", "typ", "", "session_id", "session_ie", "n", "é"]

  private static let seeds: [[UInt8]] = [
    #"{"type":"text","text":"partial answer","n":1}"#, #" { "t\u0079pe" : [1, -2.5e+3, true] , "" : null } "#,
    #"{"session_id":"abc","session_ie":{"type":[{}]},"type":1,"type":{"n":[]}}"#, #"[[],{},"",0,-0,1e5,1E-5,null]"#,
    #"{"n":9223372036854775807,"typed":-9223372036854775809,"typ":123456789012345678901234567890e-3}"#,
    #""\ud83d\ude00 \u00e9\n\"\\ \/ \b\f\r\t \uFFFF""#, "{\"é\":\"ß€😀\u{2028}\",\"\\u00e9\":[0.1,1e999,2e-400]}",
    "\"\u{10FFFF}\u{D7FF}\u{E000}\u{7F}\u{80}\u{7FF}\u{800}\"", "\t[\r\n 1 ,\n {\"type\" :\t\"x\" } ]\r\n", "true",
    "-12.50e-7", #"{"a":"0123456701234567\\","b":"012345\"","c":{"type":"inner"},"n":false}"#,
    #"{"":"","typ":"\u0000"}"#,
  ].map { Array($0.utf8) }

  private static let tokens: [[UInt8]] =
    [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\u0000", "\\u0074",
      "0", "00", "-", "-0", "+", ".", "e", "E+", "1e999", "99999999999999999999", "true", "nul", "null", "NaN",
      "Infinity", "\"type\":", "\"n\":", "\"\":", "\"typ\\u0065\":", "//", "'", " ", "\n", "\r", "\t", "\u{0}",
      "\u{1F}", "\u{0B}", "\u{7F}", "\u{A0}", "\u{2028}", "\u{FEFF}", "é", "😀", "abcdefgh",
    ].map { Array($0.utf8) } + [
      [0x80], [0xC0, 0x80], [0xC3], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x98],
      [0xF4, 0x90, 0x80, 0x80], [0xFF],
    ]

  /// The next text.
  mutating func next() -> [UInt8] {
    var text: [UInt8]
    switch pick(10) {
    case 0: text = number()
    case 1: text = [0x22] + string() + [0x22]
    case 2: text = nested()
    case 3: text = value(0)
    default: text = seed()
    }
    for _ in 0..<[0, 1, 1, 1, 2, 2, 3, 5][pick(8)] { mutate(&text) }
    return text
  }

  private mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
  private mutating func seed() -> [UInt8] { Self.seeds[pick(Self.seeds.count)] }
  private mutating func token() -> [UInt8] { Self.tokens[pick(Self.tokens.count)] }

  private mutating func mutate(_ text: inout [UInt8]) {
    let at = pick(text.count + 1)
    let end = min(text.count, at + pick(6))
    switch pick(8) {
    case 0: if at < text.count { text[at] ^= 1 << UInt8(pick(8)) }
    case 1: if at < text.count { text[at] = UInt8(pick(256)) }
    case 2: text.removeSubrange(at..<end)
    case 3: text.removeSubrange(at...)
    case 4: text.insert(contentsOf: text[at..<end], at: at)
    case 5:
      let other = seed()
      text.replaceSubrange(at..., with: other[pick(other.count)...])
    default: text.insert(contentsOf: token(), at: at)
    }
  }

  private mutating func number() -> [UInt8] {
    var text = ["", "", "-", "+", "--"][pick(5)]
    text += ["0", "1", "01", "", "18446744073709551615", "9223372036854775808", "123456789012345678"][pick(7)]
    for _ in 0..<pick(4) { text += String(pick(1000)) }
    text += ["", "", ".", ".0", ".125", "..1"][pick(6)]
    text += ["", "", "e", "e5", "E+05", "e-400", "e400", "e+", "e1.5"][pick(9)]
    return Array(text.utf8)
  }

  private mutating func string() -> [UInt8] {
    var text: [UInt8] = []
    for _ in 0..<pick(12) {
      switch pick(5) {
      case 0: text += token().filter { $0 != 0x22 }
      case 1:
        let highest = [0x7F, 0x7FF, 0xFFFF, 0x10FFFF][pick(4)]
        text += Array(String(Unicode.Scalar(UInt32(0x20 + pick(highest - 0x1F))) ?? "\u{FFFD}").utf8)
          .filter { $0 != 0x22 && $0 != 0x5C }
      case 2: text += [0x5C, [0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74, 0x78][pick(9)]]
      case 3:
        let digits = String(pick(0x10000), radix: 16)
        text += Array(("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
      default: text += [UInt8](repeating: 0x61, count: pick(18))
      }
    }
    return text
  }

  private mutating func value(_ depth: Int) -> [UInt8] {
    switch pick(depth < 4 ? 6 : 4) {
    case 0: return number()
    case 1: return [0x22] + string() + [0x22]
    case 2: return Array(["true", "false", "null"][pick(3)].utf8)
    case 3: return Array(["{}", "[]", "0"][pick(3)].utf8)
    case 4: return [0x5B] + Array((0..<pick(5)).map { _ in value(depth + 1) }.joined(separator: [0x2C])) + [0x5D]
    default:
      let members = (0..<pick(5)).map { _ in
        Array("\"\(Self.names[pick(Self.names.count)])\": ".utf8) + value(depth + 1)
      }
      return [0x7B] + Array(members.joined(separator: [0x2C])) + [0x7D]
    }
  }

  private mutating func nested() -> [UInt8] {
    let depth = [3, 60, 64, 65, 128, 510, 511, 512, 513, 514, 700][pick(11)]
    let isObject = (0..<depth).map { _ in pick(2) == 0 }
    let openings = isObject.map { $0 ? Array("{\"type\":".utf8) : [0x5B] }
    let closings = isObject.reversed().map { $0 ? UInt8(0x7D) : 0x5D }
    return Array(openings.joined()) + [0x31] + closings
  }
}
