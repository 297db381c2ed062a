import Glibc
import Kernel
import Support
import Testing

@Suite(.tags(.medium))
struct DescriptorTests {
  @Test
  func `a descriptor that someone else closed ends the process with a clear message`() async throws {
    let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let descriptor = try openNull()
      close(descriptor.raw)
      descriptor.close()
    }
    let text = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(text.contains("was closed by someone who did not own it"))
  }

  @Test
  func `every descriptor is counted, and gone when its owner lets go`() async {
    await #expect(processExitsWith: .success) {
      let before = try Descriptor.openCount()
      let count = 100
      // The runtime opens a few of its own at some time.
      let few = 10
      let pipe = try Pipe.make()
      var raws: [Int32] = []
      for _ in 0..<count { raws.append(try pipe.reader.duplicate().relinquish()) }
      let most = try Descriptor.openCount()
      #expect((before + count..<before + count + few).contains(most))
      for raw in raws { Descriptor(owning: raw).close() }
      let least = try Descriptor.openCount()
      #expect((before..<before + few).contains(least))
    }
  }

  @Test
  func `every descriptor that is made is closed on exec`() throws {
    let pipe = try Pipe.make()
    let copy = try pipe.reader.duplicate()
    for raw in [pipe.reader.raw, pipe.writer.raw, copy.raw] { #expect(fcntl(raw, F_GETFD) == FD_CLOEXEC) }
  }

  @Test
  func `a pipe tells what waits in it, when it is empty, full and at its end`() throws {
    let (reader, writer) = try makePipe()
    let read = Descriptor(owning: reader)
    let write = Descriptor(owning: writer)
    try read.setNonblocking()
    try write.setNonblocking()
    var buffer: [UInt8] = Array(repeating: 0, count: 1 << 20)
    #expect(try buffer.withUnsafeMutableBytes { try read.read(into: $0) } == .wouldBlock)
    let room = try write.resizePipe(to: 8192)
    #expect(room >= 8192)
    #expect(try write.write(buffer.span.bytes) == room)
    #expect(try write.write(buffer.span.bytes) == 0)
    #expect(try read.bytesWaiting() == room)
    #expect(try buffer.withUnsafeMutableBytes { try read.read(into: $0) } == .bytes(room))
    write.close()
    // Another test's launch, between clone and exec, may still hold a copy of the writing end.
    try eventually { try buffer.withUnsafeMutableBytes { try read.read(into: $0) } == .end }
  }

  @Test
  func `all of a text is written though the pipe holds less and does not block`() throws {
    let (reader, writer) = try makePipe()
    let write = Descriptor(owning: writer)
    try write.setNonblocking()
    let thread = try WorkerThread()
    let total = try thread.submit {
      let read = Descriptor(owning: reader)
      var total = 0
      var buffer: [UInt8] = Array(repeating: 0, count: 5000)
      while case .bytes(let count)? = try? buffer.withUnsafeMutableBytes({ try read.read(into: $0) }) { total += count }
      return total
    }
    let text: [UInt8] = Array(repeating: 7, count: 1 << 20)
    try write.writeAll(text.span.bytes)
    write.close()
    #expect(try total.take() == 1 << 20)
    try thread.close()
  }

  @Test
  func `a bell that rang often is heard once`() throws {
    let bell = try Bell(blocking: false)
    let heard = [bell.hear()]
    bell.ring()
    bell.ring()
    #expect(heard + [bell.hear(), bell.hear()] == [false, true, false])
  }

  @Test
  func `an error names its call, its meaning, its symbol and its object`() {
    let error = SystemError(call: "open", code: ENOENT, detail: "/etc/nothing")
    #expect("\(error)" == "open: No such file or directory (ENOENT): /etc/nothing")
    #expect(SystemError.describe(9999) == "error 9999")
  }
}

private func makePipe() throws -> (reader: Int32, writer: Int32) {
  let pipe = try Pipe.make()
  return (try pipe.reader.duplicate().relinquish(), try pipe.writer.duplicate().relinquish())
}
