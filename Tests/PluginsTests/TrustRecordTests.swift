import Glibc
import Kernel
import Support
import Testing

@testable import Plugins

@Suite(.tags(.medium))
struct TrustRecordTests {
  private let digest = String(repeating: "a", count: 64)

  @Test
  func `what is trusted is kept, replaced and removed, by folder`() throws {
    let place = try TemporaryDirectory()
    let state = "\(place.path)/state"
    #expect(try TrustRecord.read(in: state).entries == [])
    let entries = ["/p/.reeve/plugins/a", "/p/.reeve/plugins/b", "/pq"].map {
      TrustRecord.Entry(folder: $0, digest: digest)
    }
    try TrustRecord.change(in: state) { $0.add(entries) }
    #expect(try TrustRecord.read(in: state).entries == entries)
    let other = TrustRecord.Entry(folder: "/pq", digest: String(repeating: "b", count: 64))
    try TrustRecord.change(in: state) { $0.add([other]) }
    #expect(try TrustRecord.read(in: state).digest(of: "/pq") == other.digest)
    try TrustRecord.change(in: state) { #expect($0.remove("/p") == 2) }
    #expect(try TrustRecord.read(in: state).entries == [other])
    var status = stat()
    #expect(stat("\(state)/trust.json", &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test(arguments: [
    "", "{}", "nonsense", #"{"version":2,"plugins":[]}"#, #"{"version":1,"plugins":[{"folder":"/p"}]}"#,
  ])
  func `a damaged record is no trust at all, says so, and is not overwritten`(text: String) throws {
    let place = try TemporaryDirectory()
    try place.write("trust.json", text)
    let error = try #require(refusal { _ = try TrustRecord.read(in: place.path) })
    #expect(error.code == .untrusted && error.message.contains("\(place.path)/trust.json"))
    #expect(error.message.contains("remove it and trust again"))
    #expect(refusal { try TrustRecord.change(in: place.path) { $0.add([]) } } != nil)
    #expect(try contents("\(place.path)/trust.json") == text)
  }

  @Test
  func `a record is not read through a link, nor one that others can write`() throws {
    let place = try TemporaryDirectory()
    try TrustRecord.change(in: "\(place.path)/a") {
      $0.add([TrustRecord.Entry(folder: "/p", digest: digest)])
    }
    mkdir("\(place.path)/b", 0o700)
    symlink("../a/trust.json", "\(place.path)/b/trust.json")
    #expect(refusal { _ = try TrustRecord.read(in: "\(place.path)/b") }?.code == .untrusted)
    symlink("a", "\(place.path)/c")
    #expect(refusal { _ = try TrustRecord.read(in: "\(place.path)/c") }?.code == .untrusted)
    chmod("\(place.path)/a/trust.json", 0o622)
    #expect(
      refusal { _ = try TrustRecord.read(in: "\(place.path)/a") }?.message.contains("others can write it") == true)
  }
}
