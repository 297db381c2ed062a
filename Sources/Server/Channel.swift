internal import Kernel
internal import Loop

/// What carries a session: a descriptor to read and one to write, watched apart.
///
/// Files and /dev/null are never waited for, and the kernel refuses to watch them; then a bell that rings all the time
/// stands for them.
@LoopActor struct Channel: ~Copyable {
  let input: Descriptor
  let output: Descriptor
  private var inputWatch: Watched<Descriptor>?
  private var outputWatch: Watched<Descriptor>?
  private var isMutedOutput = false

  init(input: consuming Descriptor, output: consuming Descriptor) {
    self.input = input
    self.output = output
  }

  mutating func watch(input: Int, output: Int, source: any EventSource) throws(SystemError) {
    inputWatch = try Watched(try Self.watchable(self.input), tag: input, source: source)
    do throws(SystemError) {
      outputWatch = try Watched(try Self.watchable(self.output), tag: output, for: [], source: source)
    } catch {
      inputWatch.take()?.close()
      throw error
    }
  }

  private static func watchable(_ descriptor: borrowing Descriptor) throws(SystemError) -> Descriptor {
    if Loop.shared.canWatch(descriptor) { return try descriptor.duplicate() }
    let bell = try Bell(blocking: false)
    bell.ring()
    return try bell.descriptor.duplicate()
  }

  mutating func setInterest(reads: Bool, writes: Bool) {
    inputWatch?.setInterest(reads ? .readable : [])
    outputWatch?.setInterest(writes ? .writable : [])
  }

  /// Tells when it can be written, which may be at once.
  mutating func awaitTurn() { outputWatch?.setInterest(.writable) }

  /// Nothing more comes; to be told so again and again would spin.
  mutating func muteInput() { inputWatch.take()?.close() }

  /// Nobody reads.
  mutating func muteOutput() { outputWatch.take()?.close() }

  consuming func close() {
    inputWatch.take()?.close()
    outputWatch.take()?.close()
  }
}
