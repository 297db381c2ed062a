internal import Glibc
internal import Kernel
internal import Loop

/// Room on the disk that a host takes when it begins, and gives back when the disk is full.
///
/// A run may fill the disk with its own transcript; then the ledger could not take its verdict.
@LoopActor final class Reserve {
  /// What the ledger's log takes for a few verdicts.
  private static let bytes: off_t = 128 * 1024

  private let directory: String
  private let name: String

  /// Takes room, if there is any: a disk that is full already refuses the first row anyway.
  init(in directory: borrowing Directory, name: String) {
    self.directory = directory.path
    self.name = name
    guard let file = try? directory.openFile(name, flags: O_WRONLY | O_CREAT) else { return }
    posix_fallocate(file.raw, 0, Self.bytes)
  }

  /// Gives it back.
  func release() {
    // The name goes, and with it the room: nobody holds the file open.
    if let directory = try? Directory.open(directory) { try? directory.remove(name) }
  }
}
