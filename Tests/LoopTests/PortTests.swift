import Glibc
import Kernel
import Loop
import Model
import Support
import Testing

extension LoopTests {
  struct PortTests {
    /// A message: who sent it, and which of theirs it is.
    struct Message: Sendable {
      let sender: Int
      let number: Int
    }

    private static let senders = 8
    private static let each = 5000

    private func sendAll(_ port: Port<Message>) throws {
      for sender in 0..<Self.senders {
        try Worker("sender") {
          for number in 0..<Self.each {
            port.send(Message(sender: sender, number: number))
            if number % 97 == 0 { sched_yield() }
          }
        }.detach()
      }
    }

    private func expectAll(_ messages: [Message]) {
      #expect(messages.count == Self.senders * Self.each)
      for sender in 0..<Self.senders {
        #expect(messages.filter { $0.sender == sender }.map(\.number) == Array(0..<Self.each))
      }
    }

    @Test
    func `a thread that waits at a port gets every message, those of one sender in order`() throws {
      let port = try Port<Message>(blocking: true)
      let received = Log<[Message]>()
      try sendAll(port)
      let receiver = try Worker("receiver") {
        var all: [Message] = []
        var batch: [Message] = []
        while all.count < Self.senders * Self.each {
          port.take(&batch)
          all += batch
          batch.removeAll(keepingCapacity: true)
        }
        received.add(all)
      }
      try eventually { received.count == 1 }
      receiver.join()
      expectAll(received.all[0])
    }

    @Test
    func `a loop that watches a port gets every message, those of one sender in order`() async throws {
      let port = try Port<Message>(blocking: false)
      let received = Log<Message>()
      let probe = Probe()
      try await onLoop {
        probe.onReady = { _, _ in
          var batch: [Message] = []
          port.take(&batch)
          for message in batch { received.add(message) }
        }
        try probe.watch(try port.watchable(), tag: 0)
      }
      try sendAll(port)
      try eventually { received.count == Self.senders * Self.each }
      try await onLoop { probe.close() }
      expectAll(received.all)
    }

    @Test
    func `whoever waits at a port with a limit is back in time, with what came or with nothing`() throws {
      let port = try Port<Int>(blocking: true)
      var batch: [Int] = []
      let began = Clock.now()
      port.take(&batch, for: .milliseconds(30))
      #expect(batch.isEmpty && Clock.now() - began >= .milliseconds(30))
      port.send(1)
      port.send(2)
      port.take(&batch, for: .seconds(3600))
      #expect(batch == [1, 2])
    }

    @Test
    func `a worker runs its body on a thread of that name`() throws {
      let names = Log<String>()
      let worker = try Worker("a-name-15-bytes") {
        names.add((try? contents("/proc/thread-self/comm")) ?? "unreadable")
      }
      worker.join()
      #expect(names.all == ["a-name-15-bytes\n"])
    }
  }
}
