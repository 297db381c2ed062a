internal import Host
public import RPC
internal import Wire

/// All methods of the protocol, and what they say of themselves.
public enum Methods {
  /// In the order of the documents.
  static let all: [Method] = connection + runs + reading + plugins + host

  static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.description.name, $0) })

  /// What a host says unasked.
  static let notifications = [
    MethodDescription(
      "run/appended", "Events of a run that is subscribed to, byte for byte, in order",
      takes: [
        Member("run", Shapes.anIdentifier, "the name of the run"),
        Member("first", .integer(atLeast: 1), "the number of the first of them"),
        Member("events", .list(of: .any), "the events"),
      ], gives: nil),
    MethodDescription(
      "run/changed", "What became of a run that is subscribed to",
      takes: [Member("run", Shapes.aRun, "the run; long texts are cut")], gives: nil),
  ]

  /// The whole protocol, as `rpc.discover` tells it and the documents are made from.
  public static let document = OpenRPC(
    title: "Reeve", version: Host.version, methods: all.map(\.description), notifications: notifications,
    definitions: Shapes.definitions)

  /// The errors of our own.
  public static let errors = ProtocolError.allCases.map(\.description)
}
