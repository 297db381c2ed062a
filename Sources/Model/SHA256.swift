/// The digest that tells one content from another (FIPS 180-4).
public struct SHA256: Sendable {
  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
  private static let blockBytes = 64

  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var block: [UInt8] = []
  private var length: UInt64 = 0

  /// The digest of nothing yet.
  public init() { block.reserveCapacity(Self.blockBytes) }

  /// Takes more of the content.
  public mutating func update(_ bytes: some Sequence<UInt8>) {
    // Nearly all that is digested lies in one piece, and need not be copied byte by byte.
    if bytes.withContiguousStorageIfAvailable({ take($0) }) == nil {
      Array(bytes).withUnsafeBufferPointer { take($0) }
    }
  }

  private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
    length += UInt64(bytes.count)
    var start = 0
    if !block.isEmpty {
      start = min(bytes.count, Self.blockBytes - block.count)
      block.append(contentsOf: bytes[..<start])
      guard block.count == Self.blockBytes else { return }
      let whole = block
      whole.withUnsafeBufferPointer { compress($0) }
      block.removeAll(keepingCapacity: true)
    }
    while bytes.count - start >= Self.blockBytes {
      compress(UnsafeBufferPointer(rebasing: bytes[start..<(start + Self.blockBytes)]))
      start += Self.blockBytes
    }
    block.append(contentsOf: bytes[start...])
  }

  /// The digest of all that was taken, in hexadecimal digits.
  public consuming func finish() -> String {
    let bits = length * 8
    update([0x80])
    while block.count != Self.blockBytes - 8 { update([0]) }
    update((0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) })
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func compress(_ block: UnsafeBufferPointer<UInt8>) {
    Self.constants.withUnsafeBufferPointer { constants in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
        Self.compress(block, into: &state, constants, schedule)
      }
    }
  }

  private static func compress(
    _ block: UnsafeBufferPointer<UInt8>, into state: inout [UInt32], _ constants: UnsafeBufferPointer<UInt32>,
    _ schedule: UnsafeMutableBufferPointer<UInt32>
  ) {
    for index in 0..<16 {
      let at = 4 * index
      let high = UInt32(block[at]) &<< 24 | UInt32(block[at + 1]) &<< 16
      schedule[index] = high | UInt32(block[at + 2]) &<< 8 | UInt32(block[at + 3])
    }
    for index in 16..<64 {
      let (far, near) = (schedule[index - 15], schedule[index - 2])
      let first = far.rotated(7) ^ far.rotated(18) ^ far &>> 3
      let second = near.rotated(17) ^ near.rotated(19) ^ near &>> 10
      schedule[index] = schedule[index - 16] &+ first &+ schedule[index - 7] &+ second
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let high = e.rotated(6) ^ e.rotated(11) ^ e.rotated(25)
      let one = h &+ high &+ (e & f ^ ~e & g) &+ constants[index] &+ schedule[index]
      let low = a.rotated(2) ^ a.rotated(13) ^ a.rotated(22)
      let two = low &+ (a & b ^ a & c ^ b & c)
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ one, c, b, a, one &+ two)
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
    state[5] &+= f
    state[6] &+= g
    state[7] &+= h
  }
}

extension UInt32 {
  fileprivate func rotated(_ count: UInt32) -> UInt32 { self &>> count | self &<< (32 &- count) }
}
