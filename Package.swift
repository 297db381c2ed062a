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

let package = Package(
  name: "reeve",
  targets: [
    .target(name: "Model", swiftSettings: strict),
    .target(name: "Supervision", dependencies: ["Model"], swiftSettings: strict),
    .testTarget(name: "SupervisionTests", dependencies: ["Supervision", "Model"], swiftSettings: strict),
  ]
)
