internal import Host
internal import Loop
internal import Model
internal import Plugins
internal import RPC
internal import Wire

/// What can be run, and with what.
extension Methods {
  private static let names = Shape.list(of: .text)

  static let plugins = [
    Method(
      "plugin/list", "The plugins that were found, and whether they can be used", takes: [Wanted.project.member],
      isSlow: true, gives: [Member("plugins", .list(of: .named("Plugin")))]
    ) { session, given, call in
      let (catalog, environment) = (session.host.catalog, session.caller.environment)
      let directory = try project(given, session)
      session.host.look({ catalog.reports(for: directory, environment: environment) }) { result in
        call.answer(result) { ["plugins": .array($0.map(\.json))] }
      }
    },
    Method(
      "plugin/get", "What the manifest of a plugin says", takes: [Wanted.plugin.member, Wanted.project.member],
      isSlow: true,
      gives: [
        Member(
          "plugin",
          .object([
            Member("name", .text), Member("version", .text), Member("description", Shape.text.orNull),
            Member("folder", .text), Member("writes", .boolean), Member("resumes", .boolean),
            Member("result", .text), Member("limits", .map(of: .text)),
          ]))
      ], errors: [.pluginNotFound, .pluginUntrusted, .badManifest]
    ) { session, given, call in
      let (catalog, name) = (session.host.catalog, try given[Wanted.plugin])
      let directory = try project(given, session)
      session.host.look({ try catalog.plugin(name, for: directory) }) { result in
        call.answer(result) { ["plugin": manifest($0)] }
      }
    },
    Method(
      "plugin/check", "Looks whether a plugin can be used: its manifest, its program, the variables that it requires",
      takes: [Wanted.plugin.member, Wanted.project.member], isSlow: true, gives: [Member("plugin", .named("Plugin"))]
    ) { session, given, call in
      let (catalog, environment) = (session.host.catalog, session.caller.environment)
      let (name, directory) = (try given[Wanted.plugin], try project(given, session))
      session.host.look({ PluginReport(name, in: catalog, for: directory, environment: environment) }) { result in
        call.answer(result) { ["plugin": $0.json] }
      }
    },
    Method(
      "env/preview", "Which variables a plugin's program would get, by name",
      takes: [Wanted.plugin.member, Wanted.environment.member, Wanted.project.member],
      isSlow: true,
      gives: [
        Member("passed", names), Member("dropped", names), Member("set", names),
        Member("missing", names, "required, and not there"),
        Member("absent", names, "passed on if it were there"),
      ], errors: [.pluginNotFound, .pluginUntrusted, .badManifest]
    ) { session, given, call in
      var environment = session.caller.environment
      environment.merge(try variables(try given[Wanted.environment])) { $1 }
      let (catalog, name) = (session.host.catalog, try given[Wanted.plugin])
      let (directory, configuration) = (try project(given, session), session.host.configuration)
      session.host.look({ [environment] in
        try catalog.plugin(name, for: directory).preview(of: environment, granted: configuration.granted(to: name))
      }) { result in
        call.answer(result) {
          [
            "passed": list($0.passed), "dropped": list($0.dropped), "set": list($0.set), "missing": list($0.missing),
            "absent": list($0.absent),
          ]
        }
      }
    },
  ]

  /// Where a run would work that had the plugin: its project's plugins are found as well.
  @LoopActor private static func project(_ given: Given, _ session: Session) throws -> String? {
    let own = session.caller.directory
    return try given[Wanted.project] ?? own
  }

  private static func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }

  private static func manifest(_ manifest: Manifest) -> JSON {
    var limits = JSONObject()
    for limit in manifest.limits { limits[limit.name] = .string(limit.text) }
    return [
      "name": .string(manifest.name), "version": .string(manifest.version),
      "description": manifest.description.map { .string($0) } ?? .null, "folder": .string(manifest.folder),
      "writes": .bool(manifest.writes), "resumes": .bool(manifest.resumes),
      "result": .string(manifest.result.rawValue), "limits": .object(limits),
    ]
  }
}
