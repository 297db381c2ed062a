import Model
import Support
import Testing

/// The examples of the standard.
@Suite(.tags(.small)) struct SHA256Tests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ])
  func `a text has the digest that the standard says`(text: String, digest: String) {
    var hash = SHA256()
    hash.update(text.utf8)
    #expect(hash.finish() == digest)
  }

  @Test
  func `in whatever pieces a text comes, its digest is the same`() {
    let text = Array((0..<300).map { UInt8(truncatingIfNeeded: $0) })
    var whole = SHA256()
    whole.update(text)
    let digest = whole.finish()
    for size in 1...130 {
      var hash = SHA256()
      for start in stride(from: 0, to: text.count, by: size) {
        hash.update(text[start..<min(start + size, text.count)])
      }
      #expect(hash.finish() == digest, "in pieces of \(size)")
    }
    // What does not lie in one piece in memory, too.
    var hash = SHA256()
    hash.update(text.lazy.map { $0 })
    #expect(hash.finish() == digest)
  }
}
