import Glibc
import Kernel
import Support
import Testing

/// The rules of docs/modules.md, read off the sources.
@Suite(.tags(.medium))
struct ArchitectureTests {
  /// What each module may import of ours. The order is that of the layers: nothing names what stands below it here.
  static let layers: [(module: String, mayImport: Set<String>)] = [
    ("Model", []), ("Supervision", ["Model"]), ("Wire", ["CJSON", "Model"]), ("RPC", ["Wire"]),
    ("Kernel", ["Model", "CLinux"]),
    ("Loop", ["Kernel", "Model", "CLinux"]), ("Ledger", ["Loop", "Kernel", "Model", "CSQLite"]),
    ("Dialects", ["Wire", "Model"]), ("Plugins", ["Dialects", "Wire", "Kernel", "Model"]),
    ("Host", ["Plugins", "Dialects", "Ledger", "Loop", "Kernel", "RPC", "Wire", "Supervision", "Model"]),
    ("Server", ["Host", "Ledger", "Plugins", "Dialects", "Loop", "Kernel", "RPC", "Wire", "Supervision", "Model"]),
    (
      "reeve",
      ["Server", "Host", "Ledger", "Plugins", "Dialects", "Loop", "Kernel", "RPC", "Wire", "Supervision", "Model"]
    ),
  ]

  /// What the toolchain brings and may be imported anywhere.
  static let system: Set<String> = ["Glibc", "Synchronization"]

  @Test
  func `imports point one way`() throws {
    let sources = try Self.sources()
    #expect(Set(sources.map(\.module)) == Set(Self.layers.map(\.module)))
    for (module, mayImport) in Self.layers {
      for source in sources where source.module == module {
        for line in source.text.split(separator: "\n") where line.contains("import ") {
          let words = line.split(separator: " ")
          guard let index = words.firstIndex(of: "import"), words[..<index].allSatisfy({ Self.isModifier($0) }) else {
            continue
          }
          let imported = String(words[index + 1])
          #expect(
            mayImport.contains(imported) || Self.system.contains(imported), "\(source.path) imports \(imported)")
        }
      }
    }
  }

  @Test
  func `no source promises what the compiler could check`() throws {
    let forbidden = [
      "@unchecked Sendable", "nonisolated(unsafe)", "@preconcurrency", "import Foundation", "import Dispatch", "try!",
      "as!", "Task.detached", "Task.sleep", "Task {",
    ]
    for source in try Self.sources() {
      for word in forbidden { #expect(!source.text.contains(word), "\(source.path) has “\(word)”") }
    }
  }

  private static func isModifier(_ word: Substring) -> Bool {
    ["internal", "public", "private", "fileprivate", "package"].contains(word)
  }

  private static func sources() throws -> [(module: String, path: String, text: String)] {
    var sources: [(module: String, path: String, text: String)] = []
    let root = "\(Repository.path)/Sources"
    for module in try Directory.open(root).entries() {
      for name in try Directory.open("\(root)/\(module)").entries() where name.hasSuffix(".swift") {
        let path = "\(root)/\(module)/\(name)"
        sources.append((module, path, try contents(path)))
      }
    }
    return sources
  }
}
