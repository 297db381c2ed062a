import Support
import Testing
import Wire

@testable import Plugins

@Suite(.tags(.small))
struct SecretMaskTests {
  private static let secret = "s3cr\"t/p\\a=s s\té\u{1F511}"

  /// The same text, in pieces that end at these places.
  private func streamed(_ text: [UInt8], _ mask: SecretMask, cuts: [Int]) -> [UInt8] {
    var stream = SecretStream(mask)
    var (output, start): ([UInt8], Int) = ([], 0)
    for cut in cuts + [text.count] {
      stream.feed(Array(text[start..<cut]).span.bytes, into: &output)
      start = cut
    }
    stream.finish(into: &output)
    return output
  }

  private func percent(_ text: String, upper: Bool, all: Bool = false) -> String {
    text.utf8.map { byte in
      let isPlain =
        !all && (Unicode.Scalar(byte).properties.isAlphabetic || (0x30...0x39).contains(byte)) && byte < 0x80
      guard !isPlain else { return String(Unicode.Scalar(byte)) }
      let digits = String(byte, radix: 16, uppercase: upper)
      return "%" + (digits.count == 1 ? "0" : "") + digits
    }.joined()
  }

  private func escaped(_ text: String, upper: Bool) -> String {
    text.utf16.map { unit in
      let digits = String(unit, radix: 16, uppercase: upper)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }

  @Test
  func `a secret is hidden as it is and as JSON and URLs write it`() {
    let mask = SecretMask(environment: ["MY_TOKEN": Self.secret, "PLAIN": "nothing to hide"])
    var ways = [Self.secret, percent(Self.secret, upper: true), percent(Self.secret, upper: false)]
    ways += [percent(Self.secret, upper: true, all: true), escaped(Self.secret, upper: true)]
    ways.append(escaped(Self.secret, upper: false))
    ways.append(String(JSON.string(Self.secret).text.dropFirst().dropLast()))
    ways.append(ways[6].split(separator: "/").joined(separator: "\\/"))
    ways.append(percent(Self.secret, upper: true).split(separator: "%20").joined(separator: "+"))
    for way in ways {
      #expect(mask.masked("a \(way) b") == "a [masked MY_TOKEN] b", "\(way)")
      #expect(mask.masked(way + way) == "[masked MY_TOKEN][masked MY_TOKEN]")
    }
    #expect(mask.masked("nothing to hide") == "nothing to hide")
  }

  @Test
  func `short values and those of harmless names stay`() {
    let mask = SecretMask(environment: ["KEY": "1234567", "PATH": "/usr/bin:/bin", "SSH_AUTH_SOCK": "/tmp/ssh-agent.1"])
    #expect(mask.isEmpty)
    #expect(!SecretMask(environment: ["KEY": "12345678"]).isEmpty)
  }

  @Test
  func `of a secret of several lines each line is hidden too, and of a URL its password`() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADAN\nshort\n-----END KEY-----\n"
    let mask = SecretMask(
      environment: [
        "DEPLOY_KEY": key, "HTTPS_PROXY": "http://me:hunter2hunter2@proxy:80", "URL": "http://me@host:80/a",
      ])
    for line in ["MIIEvQIBADAN", "-----BEGIN KEY-----", "-----END KEY-----"] {
      #expect(mask.masked("x\(line)y") == "x[masked DEPLOY_KEY]y")
    }
    #expect(mask.masked(key) == "[masked DEPLOY_KEY]")
    #expect(mask.masked("short") == "short")
    let flat = SecretMask(environment: ["DEPLOY_KEY": key.split(separator: "\n").joined(separator: "\\n")])
    #expect(flat.masked("x\(key)y").hasPrefix("x[masked DEPLOY_KEY]"))
    #expect(!flat.masked(key).contains("MIIEvQIBADAN"))
    #expect(mask.masked("to hunter2hunter2!") == "to [masked HTTPS_PROXY]!")
    #expect(mask.masked("http://me@host:80/a") == "http://me@host:80/a")
  }

  @Test
  func `the password in a URL is hidden also where the variable is a secret as a whole`() {
    let url = "postgres://u:hunter2hunter2@host/db"
    let mask = SecretMask(environment: ["REPORTS_DSN": url])
    #expect(mask.masked("no entry for hunter2hunter2!") == "no entry for [masked REPORTS_DSN]!")
    #expect(mask.masked("to \(url).") == "to [masked REPORTS_DSN].")
    #expect(mask.masked("u at host") == "u at host")
  }

  @Test
  func `secrets that overlap or contain each other are hidden together, and nothing of them is left`() {
    let mask = SecretMask(environment: ["A_KEY": "abcdefgh", "B_KEY": "efghijkl", "C_KEY": "abcdefghijklmnop"])
    #expect(mask.masked("<abcdefghijkl>") == "<[masked A_KEY]>")
    #expect(mask.masked("<abcdefghijklmnop>").hasPrefix("<[masked "))
    #expect(mask.masked("<abcdefghijklmnop>").hasSuffix("]>"))
    #expect(mask.masked("<efghijkl>") == "<[masked B_KEY]>")
  }

  @Test
  func `the end of the text hides a secret that was cut off, if that is long enough to be one`() {
    let mask = SecretMask(environment: ["A_KEY": "abcdefghijkl"])
    #expect(mask.masked("x abcdefgh") == "x [masked A_KEY]")
    #expect(mask.masked("x abcdefg") == "x abcdefg")
  }

  @Test
  func `a backslash that can be read in two ways costs no more than its place`() {
    let mask = SecretMask(environment: ["A_KEY": String(repeating: "\\", count: 40)])
    let text = String(repeating: "\\", count: 160)
    #expect(mask.masked(text) == "[masked A_KEY]")
  }

  @Test(arguments: [
    ("jdbc:postgresql://u:pw12345678@host/db", "pw12345678"),
    ("https://u:pw12345678@a https://u:pw22345678@b", "pw22345678"),
    ("http://user:mypass/word1@host:80/path", "mypass/word1"), ("http://user:p%40ssword12@host", "p@ssword12"),
    ("http://user:p%40ssword12@host", "p%40ssword12"), ("https://ghp_token12345678@github.com/a", "ghp_token12345678"),
  ])
  func `what is secret in the URLs of a value is hidden, also where no name says so`(value: String, secret: String) {
    #expect(SecretMask(environment: ["INDEX": value]).masked("a \(secret) b") == "a [masked INDEX] b")
  }

  @Test
  func `a user's name, a port and a path are no secrets, and spaces around one are not a part of it`() {
    for value in ["https://somebody@host/a", "http://host:8080/a@b", "http://localhost:12345678", "x://y"] {
      #expect(SecretMask(environment: ["URL": value]).isEmpty, "\(value)")
    }
    #expect(SecretMask(environment: ["A_KEY": " mysecret123 "]).masked("<mysecret123>") == "<[masked A_KEY]>")
  }

  // Promise 1: the loop that masks is the loop that ends runs.
  @Test(arguments: ["\\", "a", "-", "ab\\cd"])
  func `text that is nearly a secret at every place of it is hidden rather than looked through for ever`(
    unit: String
  ) {
    let mask = SecretMask([("X_TOKEN", String(repeating: unit, count: 400) + "x")])
    let text = String(repeating: unit, count: 400_000 / unit.utf8.count)
    let began = ContinuousClock.now
    let masked = mask.masked(text + " and more")
    #expect(ContinuousClock.now - began < .seconds(60))
    #expect(masked.contains("hidden from here on") && !masked.contains("and more"))
    // An ordinary text is never too much.
    let ordinary = String(repeating: "an error with \\u0061 \\n and %20 in it\n", count: 4000)
    #expect(mask.masked(ordinary) == ordinary)
  }

  @Test
  func `wherever the pieces end, the outcome is the same as of the whole`() {
    let mask = SecretMask(environment: [
      "MY_TOKEN": Self.secret, "A_KEY": "abcabcabd", "B_KEY": "bcabdxyz\\n", "C_KEY": "%41%42%43",
    ])
    let texts = [
      Self.secret, escaped(Self.secret, upper: true), percent(Self.secret, upper: false), "abcabcabcabdxyz\\n",
      "abcabcab", "\\u00", "\\ud83d\\u", "%4", "%41%42%43", "%25%34%31%42%43", "abcabcabdxyz\\\\n", "",
    ]
    for text in texts {
      let bytes = Array("[\(text)]\(text)".utf8)
      let whole = streamed(bytes, mask, cuts: [])
      for cut in 0...bytes.count {
        #expect(streamed(bytes, mask, cuts: [cut]) == whole, "\(text) at \(cut)")
      }
      #expect(streamed(bytes, mask, cuts: Array(0..<bytes.count)) == whole, "\(text) byte by byte")
    }
  }

  @Test
  func `random pieces of random text give what the whole gives, and no secret in full`() {
    var random = SeededGenerator(seed: 7)
    let letters = Array("ab\\%41n/u0".utf8)
    func text(_ length: Int) -> [UInt8] {
      (0..<length).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] }
    }
    for _ in 0..<2000 {
      let secrets = (0..<3).map { String(decoding: text(8 + $0), as: UTF8.self) }
      let mask = SecretMask(
        environment: Dictionary(uniqueKeysWithValues: secrets.enumerated().map { ("K\($0)_KEY", $1) }))
      var bytes = text(20)
      for _ in 0..<3 {
        bytes += Array(secrets[Int.random(in: 0..<3, using: &random)].utf8).dropLast(
          Int.random(in: 0...2, using: &random))
        bytes += text(Int.random(in: 0...6, using: &random))
      }
      let whole = streamed(bytes, mask, cuts: [])
      let cuts = (0..<4).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
      #expect(streamed(bytes, mask, cuts: cuts) == whole)
      let left = String(decoding: whole, as: UTF8.self)
      for secret in secrets { #expect(!left.contains(secret)) }
    }
  }

  @Test
  func `without secrets bytes go through as they are`() {
    var stream = SecretStream(SecretMask(environment: [:]))
    var output: [UInt8] = []
    #expect(!stream.isNeeded)
    stream.feed(Array("a\\u00%".utf8).span.bytes, into: &output)
    #expect(output == Array("a\\u00%".utf8))
  }
}
