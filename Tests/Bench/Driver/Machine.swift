import Glibc
import Kernel
import Wire

/// What was measured on.
struct Machine {
  private let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
  private let model: String
  private let kernel: String

  init() throws {
    let text = try Descriptor.open("/proc/cpuinfo", flags: O_RDONLY).readAll(limit: 1 << 20) ?? []
    let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("model name") }
    // Not every architecture names its processors.
    model = line?.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "of no name"
    let release = try Descriptor.open("/proc/sys/kernel/osrelease", flags: O_RDONLY).readAll(limit: 4096) ?? []
    kernel = String(decoding: release.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  var text: String { "\(processors) processors (\(model)), Linux \(kernel)" }

  var json: JSON {
    ["processors": .integer(Int64(processors)), "model": .string(model), "kernel": .string(kernel)]
  }
}
