internal import Glibc
internal import Kernel
internal import Ledger
internal import Model
public import Plugins
public import Wire

/// Looks whether Reeve can keep its promises here, by trying what it would do.
public struct Doctor: Sendable {
  /// How it stands with one thing.
  public enum Health: String, Sendable {
    /// As it should be.
    case fine
    /// Reeve does its work, but less well.
    case weak
    /// A promise cannot be kept.
    case broken
  }

  /// One thing that was looked at.
  public struct Finding: Sendable {
    /// What was looked at.
    public let subject: String
    /// How it stands with it.
    public let health: Health
    /// What was found.
    public let what: String
    /// What the user can do about it.
    public let remedy: String?

    init(_ subject: String, _ health: Health, _ what: String, remedy: String? = nil) {
      self.subject = subject
      self.health = health
      self.what = what
      self.remedy = remedy
    }

    /// The same without secrets.
    public func masked(by mask: SecretMask) -> Finding {
      Finding(subject, health, mask.masked(what), remedy: remedy.map { mask.masked($0) })
    }

    /// As `--json` and the protocol show it.
    public var json: JSON {
      [
        "subject": .string(subject), "health": .string(health.rawValue), "what": .string(what),
        "remedy": remedy.map { .string($0) } ?? .null,
      ]
    }
  }

  private let statePath: String
  private let catalog: Catalog

  /// One for a state folder, which need not be there yet, and these plugins.
  public init(statePath: String, catalog: Catalog) {
    self.statePath = statePath
    self.catalog = catalog
  }

  /// Looks at everything. Makes nothing that stays.
  public func examine() -> [Finding] {
    kernel() + ContainmentCheck.findings() + state() + [pipes(), descriptors()] + plugins() + trust()
  }

  // MARK: - The kernel

  private func kernel() -> [Finding] {
    var findings: [Finding] = []
    let hasPidfd = (try? Pidfd.open(getpid())) != nil
    let hasChildren = (try? ProcessTable.requireChildren()) != nil
    if !hasPidfd {
      findings.append(
        Finding(
          "kernel", .broken, "it has no pidfd", remedy: "Reeve needs Linux 5.4 or newer, and a filter that lets it in"))
    }
    if !hasChildren {
      findings.append(
        Finding(
          "kernel", .broken, "/proc does not list the children of a process",
          remedy: "mount /proc; the kernel must be built with CONFIG_PROC_CHILDREN"))
    }
    let missing: [(Features, String)] = [(.clone3, "clone3"), (.closeRange, "close_range")]
    let absent = missing.filter { !Features.offered.contains($0.0) }.map(\.1)
    if !absent.isEmpty {
      findings.append(
        Finding("kernel", .weak, "it has no \(absent.joined(separator: " and no ")); an older way is taken"))
    }
    if let masked = getenv("REEVE_MASK").map({ String(cString: $0) }), !masked.isEmpty {
      findings.append(Finding("kernel", .weak, "REEVE_MASK hides \(masked)", remedy: "unset REEVE_MASK"))
    }
    return findings.isEmpty ? [Finding("kernel", .fine, "pidfd, clone3, close_range, /proc")] : findings
  }

  // MARK: - State

  private static let littleSpace: Int64 = 64 << 20
  private static let noSpace: Int64 = 1 << 20

  private func state() -> [Finding] {
    var path = statePath
    while access(path, F_OK) != 0, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      path = String(path[..<slash])
    }
    var findings = [fileSystem(of: path)]
    guard path == statePath else {
      return findings + [Finding("ledger", .fine, "none yet; \(statePath) is made with the first run")]
    }
    do {
      let state = try StateFolder(path: statePath)
      findings.append(ledger(state))
    } catch {
      findings.append(
        Finding(
          "state", .broken, "\(statePath) cannot be used: \(error)",
          remedy: "it must be a folder of yours alone (mode 0700)"))
    }
    return findings
  }

  private func fileSystem(of path: String) -> Finding {
    do {
      let system = try FileSystem.of(path)
      switch system.kind {
      case .network(let name):
        return Finding(
          "file system", .broken, "\(path) lies on \(name), where locks cannot be relied on",
          remedy: "set REEVE_STATE to a folder on this machine")
      case .served:
        return Finding(
          "file system", .weak, "\(path) is served by FUSE, whose locks may be none",
          remedy: "set REEVE_STATE to a folder on a disk of this machine")
      case .local: break
      }
      let free = "\(system.free >> 20) MiB are free at \(path)"
      if system.free < Self.noSpace { return Finding("file system", .broken, free, remedy: "make room") }
      return Finding(
        "file system", system.free < Self.littleSpace ? .weak : .fine, free,
        remedy: system.free < Self.littleSpace ? "make room" : nil)
    } catch {
      return Finding("file system", .broken, "\(error)")
    }
  }

  private func ledger(_ state: StateFolder) -> Finding {
    do throws(LedgerError) {
      guard let reader = try LedgerReader.open(in: state.root) else { return Finding("ledger", .fine, "none yet") }
      let path = "\(state.root.path)/\(LedgerFile.name)"
      if let damage = try reader.damage() {
        return Finding("ledger", .broken, "\(path) is damaged: \(damage)", remedy: "move it away to begin anew")
      }
      let aside = ((try? state.root.entries()) ?? []).filter {
        $0.contains(".damaged-") && $0.hasPrefix(LedgerFile.name)
      }
      if let oldest = aside.sorted().first {
        return Finding(
          "ledger", .weak, "\(path) is sound; a damaged one was set aside as \(oldest)",
          remedy: "look what can be saved of it (sqlite3 \(oldest) .recover), then remove it")
      }
      let live = try reader.liveRuns().count
      return Finding("ledger", .fine, "\(path) is sound: \(try reader.count()) runs, \(live) of them live")
    } catch {
      return Finding("ledger", .broken, error.message)
    }
  }

  // MARK: - Limits of the machine

  /// What the large pipes of one host take; past a user's budget all its new pipes shrink.
  private static let pipeBytes = 64 * 256 * 1024

  private func pipes() -> Finding {
    let text = try? Descriptor.open("/proc/sys/fs/pipe-user-pages-soft", flags: O_RDONLY).readAll(limit: 64)
    let digits = text.flatMap { $0 }?.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? []
    guard let pages = Int(String(decoding: digits, as: UTF8.self)) else {
      return Finding("pipes", .weak, "the kernel does not say how much a user's pipes may hold")
    }
    let budget = pages * ProcessTable.pageBytes
    // 0 is no limit; a privileged user has none either.
    if pages == 0 || budget >= Self.pipeBytes || geteuid() == 0 {
      return Finding("pipes", .fine, "room for large pipes")
    }
    return Finding(
      "pipes", .weak, "all pipes of a user may hold \(budget >> 20) MiB, and a busy host takes \(Self.pipeBytes >> 20)",
      remedy: "sysctl fs.pipe-user-pages-soft=\(Self.pipeBytes / ProcessTable.pageBytes)")
  }

  private static let fewDescriptors: UInt64 = 1024

  private func descriptors() -> Finding {
    guard let limit = try? FileLimit.current() else { return Finding("descriptors", .weak, "their limit is unknown") }
    let isLow = limit.hard < Self.fewDescriptors
    return Finding(
      "descriptors", isLow ? .weak : .fine, "a host may have \(limit.hard) open",
      remedy: isLow ? "raise the hard limit (ulimit -Hn); a run takes about ten" : nil)
  }

  // MARK: - Plugins

  /// Nothing to say where nothing was trusted.
  private func trust() -> [Finding] {
    do {
      let entries = try TrustRecord.read(in: statePath).entries
      if entries.isEmpty { return [] }
      let others = entries.filter { $0.standing != .trusted }.count
      return [
        Finding(
          "trust", .fine, "\(entries.count) plugins of projects were trusted, \(others) of them have changed since")
      ]
    } catch {
      return [Finding("trust", .broken, error.message)]
    }
  }

  private func plugins() -> [Finding] {
    let names = catalog.names()
    if names.isEmpty {
      return [Finding("plugins", .weak, "there are none in \(catalog.placeNames)")]
    }
    var sound: [String] = []
    var findings: [Finding] = []
    for name in names {
      do {
        try Preparation.checkProgram(of: try catalog.plugin(name), path: getenv("PATH").map { String(cString: $0) })
        sound.append(name)
      } catch {
        findings.append(Finding("plugin \(name)", .weak, error.message))
      }
    }
    if !sound.isEmpty { findings.append(Finding("plugins", .fine, sound.joined(separator: ", "))) }
    return findings
  }
}
