internal import Glibc

/// Where this process stands in the trees of control groups: absolute paths of its own directories.
public struct CgroupPlaces: Equatable, Sendable {
  /// In the v2 tree, be that the whole or the hybrid one without controllers.
  public var unified: String?
  /// In the v1 tree of the memory controller.
  public var memory: String?
  /// In the v1 tree of the pids controller.
  public var pids: String?

  /// Reads them from the text of `/proc/self/mountinfo` and of `/proc/self/cgroup`.
  public init(mountInfo: String, membership: String) {
    let mounts = mountInfo.utf8.split(separator: UInt8(ascii: "\n")).compactMap { Mount(line: $0) }
    for line in membership.utf8.split(separator: UInt8(ascii: "\n")) {
      // Number, controllers, path: nothing before the path has a colon, the path may.
      let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: UInt8(ascii: ","))
      let path = Array(fields[2])
      // Both may be mounted together, as one tree.
      if fields[0].elementsEqual("0".utf8), controllers.isEmpty {
        unified = mounts.firstPlace(of: path) { $0.kind.elementsEqual("cgroup2".utf8) }
      }
      if controllers.contains(where: { $0.elementsEqual("memory".utf8) }) {
        memory = mounts.firstPlace(of: path) { $0.controls("memory") }
      }
      if controllers.contains(where: { $0.elementsEqual("pids".utf8) }) {
        pids = mounts.firstPlace(of: path) { $0.controls("pids") }
      }
    }
  }

  /// Those of the calling process; nil each that cannot be found out.
  public static func current() -> CgroupPlaces {
    CgroupPlaces(mountInfo: text("/proc/self/mountinfo"), membership: text("/proc/self/cgroup"))
  }

  /// The names of all groups that a process is in, in every tree, the outer ones first.
  public static func names(of pid: Int32) -> [String] {
    text("/proc/\(pid)/cgroup").split(separator: "\n").flatMap { line in
      (line.split(separator: ":", maxSplits: 2).last ?? "").split(separator: "/").map { String($0) }
    }
  }

  /// A machine with thousands of mounts stays below this; it only keeps a broken `/proc` from filling our memory.
  private static let mostBytes = 16 << 20

  private static func text(_ path: String) -> String {
    let bytes = try? Descriptor.open(path, flags: O_RDONLY).readAll(limit: mostBytes)
    return String(decoding: bytes ?? [], as: UTF8.self)
  }
}

/// A line of `/proc/self/mountinfo` that tells of a tree of control groups.
private struct Mount {
  /// Which directory of the tree is mounted: below it the tree goes on, above it nothing can be seen.
  let root: [UInt8]
  let point: [UInt8]
  let kind: Substring.UTF8View
  let options: [Substring.UTF8View]

  /// `31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw`: from `shared:9` to the dash stand any
  /// number of fields.
  init?(line: Substring.UTF8View) {
    let fields = line.split(separator: UInt8(ascii: " "))
    guard fields.count > 6, let dash = fields[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
      fields.count > dash + 3
    else { return nil }
    kind = fields[dash + 1]
    guard kind.elementsEqual("cgroup2".utf8) || kind.elementsEqual("cgroup".utf8) else { return nil }
    root = Mount.unescaped(fields[3])
    point = Mount.unescaped(fields[4])
    options = fields[dash + 3].split(separator: UInt8(ascii: ","))
  }

  /// Whether this is the v1 tree of a controller.
  func controls(_ controller: String) -> Bool {
    kind.elementsEqual("cgroup".utf8) && options.contains { $0.elementsEqual(controller.utf8) }
  }

  /// Where a group of the tree is found; nil when it does not lie in the part that is mounted.
  func place(of group: [UInt8]) -> String? {
    // Outside our cgroup namespace the kernel writes "/.." for each step up: nobody can tell where that is mounted.
    let above = Array("/..".utf8)
    guard !root.starts(with: above), !group.starts(with: above) else { return nil }
    let base = root == [UInt8(ascii: "/")] ? [] : root
    guard group.starts(with: base) else { return nil }
    let rest = group[base.count...]
    // "/ab" is not below "/a".
    guard rest.isEmpty || rest.first == UInt8(ascii: "/") else { return nil }
    let isMountItself = rest.isEmpty || rest.elementsEqual("/".utf8)
    return String(decoding: point + (isMountItself ? [] : rest), as: UTF8.self)
  }

  /// Blanks and the like stand as a backslash and three octal digits.
  private static func unescaped(_ field: Substring.UTF8View) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = field[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}

extension [Mount] {
  /// Where a group is found in the first mount of its tree that shows it.
  fileprivate func firstPlace(of group: [UInt8], _ isTree: (Mount) -> Bool) -> String? {
    for mount in self where isTree(mount) {
      if let place = mount.place(of: group) { return place }
    }
    return nil
  }
}
