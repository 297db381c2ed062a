public import Model

/// Which runs somebody wants to see.
public struct RunQuery: Sendable {
  /// Longer texts and outputs are of no use in a list.
  public static let excerptBytes = 16 * 1024

  /// Of these statuses; of any when there are none.
  public var statuses: [Status] = []
  /// Of this plugin.
  public var plugin: String?
  /// With these labels.
  public var labels: [(name: String, value: String)] = []
  /// Older than this one.
  public var before: RunID?
  /// No more than this.
  public var limit: Int

  /// The newest runs.
  public init(limit: Int) { self.limit = limit }

  /// What a row must be like, and the values for the places in it.
  var conditions: [(text: String, values: [String])] {
    var conditions: [(text: String, values: [String])] = []
    if !statuses.isEmpty {
      let places = statuses.map { _ in "?" }.joined(separator: ", ")
      conditions.append(("status IN (\(places))", statuses.map(\.rawValue)))
    }
    if let plugin { conditions.append(("plugin = ?", [plugin])) }
    for label in labels {
      conditions.append(
        ("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)", [label.name, label.value]))
    }
    if let before { conditions.append(("id < ?", [before.description])) }
    return conditions
  }
}
