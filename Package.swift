// swift-tools-version: 6.3
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .treatAllWarnings(as: .error),
]

/// A module in Sources/, with what it may import: arrows point one way (docs/modules.md).
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "reeve",
  products: [
    // Loaded in front of others by tests.
    .library(name: "Faults", type: .dynamic, targets: ["Faults"]),
    .library(name: "Counts", type: .dynamic, targets: ["Counts"]),
  ],
  targets: [
    .target(name: "CLinux"),
    .systemLibrary(name: "CSQLite"),
    .systemLibrary(name: "CJSON"),
    module("Model"),
    module("Supervision", ["Model"]),
    module("Wire", ["CJSON"]),
    module("RPC", ["Wire"]),
    module("Dialects", ["Wire", "Model"]),
    module("Kernel", ["Model", "CLinux"]),
    module("Loop", ["Kernel", "Model", "CLinux"]),
    module("Ledger", ["Loop", "Kernel", "Model", "CSQLite"]),
    module("Plugins", ["Dialects", "Wire", "Kernel", "Model"]),
    module("Host", ["Plugins", "Dialects", "Ledger", "Loop", "Kernel", "RPC", "Wire", "Supervision", "Model"]),
    module(
      "Server", ["Host", "Ledger", "Plugins", "Dialects", "Loop", "Kernel", "RPC", "Wire", "Supervision", "Model"]),
    .executableTarget(
      name: "reeve",
      dependencies: [
        "Server", "Host", "Ledger", "Plugins", "Dialects", "Loop", "Kernel", "RPC", "Wire", "Supervision", "Model",
      ],
      swiftSettings: strict),
    .target(
      name: "Support", dependencies: ["Server", "Ledger", "RPC", "Wire", "Kernel", "Model"], path: "Tests/Support",
      swiftSettings: strict),
    .target(name: "Faults", path: "Tests/Faults"),
    .target(name: "Counts", path: "Tests/Counts", exclude: ["sites.py"]),
    .target(name: "CPerf", path: "Tests/CPerf"),
    .executableTarget(name: "FakeAgent", path: "Tests/FakeAgent", linkerSettings: [.linkedLibrary("pthread")]),
    .executableTarget(
      name: "TestHost",
      dependencies: ["Server", "Host", "Ledger", "Plugins", "Dialects", "Loop", "Kernel", "Supervision"],
      path: "Tests/TestHost", swiftSettings: strict),
    // Where it counts, without the Swift runtime, and libstdc++ with it, which would make each start of an agent four times
    // as long.
    .executableTarget(
      name: "BenchLimits", path: "Tests/Bench/Limits",
      linkerSettings: [.unsafeFlags(["-static-executable", "-nostartfiles"], .when(configuration: .release))]),
    .executableTarget(
      name: "Bench", dependencies: ["Kernel", "Wire", "Model"], path: "Tests/Bench/Driver", swiftSettings: strict),
    tests("KernelTests", ["Support", "Kernel", "Model"]),
    tests("ModelTests", ["Support", "Model"]),
    tests("LoopTests", ["Loop", "Support", "Kernel", "Model"]),
    tests("LedgerTests", ["Ledger", "Loop", "Support", "Kernel", "Model", "CSQLite"]),
    tests("DialectsTests", ["Dialects", "Support", "Model", "Wire"]),
    tests("PluginsTests", ["Plugins", "Support", "Kernel", "Model", "Wire"]),
    tests(
      "ReeveTests",
      [
        "Support", "CPerf", "reeve", "TestHost", "FakeAgent", "Server", "Host", "Ledger", "RPC", "Wire", "Kernel",
        "Model",
      ]),
    tests("WireTests", ["Support", "Wire"]),
    tests("RPCTests", ["Support", "RPC", "Wire"]),
    tests("SupervisionTests", ["Support", "Supervision", "Model"]),
  ]
)
