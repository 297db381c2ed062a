internal import Model

/// The columns of a host, with how they are bound and read.
enum HostColumns {
  static let written = [
    "id", "pid", "start_ticks", "boot", "version", "started", "lock_device", "lock_inode", "folder_device",
    "folder_inode", "sockets", "control_groups",
  ]
  /// What is read: also what it said of itself later.
  static let selection = (written + ["heartbeat", "memory"]).joined(separator: ", ")

  static func bind(_ host: HostRecord, _ sink: inout some ValueSink) {
    sink.add(host.id.description)
    sink.add(Int64(host.pid))
    sink.add(host.startTicks)
    sink.add(host.boot)
    sink.add(host.version)
    sink.add(host.started.milliseconds)
    sink.add(Int64(bitPattern: host.lock.device))
    sink.add(Int64(bitPattern: host.lock.inode))
    sink.add(host.folder.map { Int64(bitPattern: $0.device) })
    sink.add(host.folder.map { Int64(bitPattern: $0.inode) })
    sink.add(host.sockets)
    sink.add(host.controlGroups.isEmpty ? nil : host.controlGroups.joined(separator: "\n"))
  }

  static func read(_ source: some ValueSource) -> HostRecord? {
    var source = source
    func identity() -> (UInt64, UInt64)? {
      let (device, inode) = (source.integer(), source.integer())
      guard let device, let inode else { return nil }
      return (UInt64(bitPattern: device), UInt64(bitPattern: inode))
    }
    guard let id = source.text().flatMap({ HostID($0) }), let pid = source.integer(), let ticks = source.integer(),
      let boot = source.text(), let version = source.text(), let started = source.integer(), let lock = identity()
    else { return nil }
    let folder = identity()
    var host = HostRecord(
      id: id, pid: Int32(truncatingIfNeeded: pid), startTicks: ticks, boot: boot, version: version,
      started: Timestamp(milliseconds: started), lock: lock, folder: folder, sockets: source.text() ?? "")
    host.controlGroups = (source.text() ?? "").split(separator: "\n").map { String($0) }
    host.heartbeat = source.integer().map { Timestamp(milliseconds: $0) }
    host.memory = source.integer()
    return host
  }
}
