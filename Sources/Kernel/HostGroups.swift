/// The groups of a host: one directory in each usable tree, in which the groups of its runs are made.
public struct HostGroups: ~Copyable, Sendable {
  /// In the v2 tree: kills, and tells when all is empty.
  public let unified: ControlGroup?
  /// Where the memory controller is; nil without one. The same directory as `unified` where v2 has it.
  public let memory: ControlGroup?
  /// Where the pids controller is; nil without one. The same directory as `unified` where v2 has it.
  public let pids: ControlGroup?
  /// The version of the memory controller.
  public let memoryVersion: CgroupVersion?
  /// The version of the pids controller.
  public let pidsVersion: CgroupVersion?
  /// Absolute paths of the directories made, for who must find them after a crash: unified first.
  ///
  /// The host itself may have moved to a directory that is not listed, so that all in these may be killed: it is called
  /// like the first and `-host`, and is removed together with it where that can be.
  public let paths: [String]
  /// Why a better rung is not there, and what the user can do; for `reeve doctor`.
  public let findings: [Finding]
  let features: Features
  private let grant: ControllerGrant?

  /// Why something is not there.
  public struct Finding: Equatable, Sendable {
    /// What is not there.
    public enum Subject: String, Sendable {
      /// The v2 tree.
      case unified
      /// A memory controller.
      case memory
      /// A pids controller.
      case pids
    }
    /// What is not there.
    public let subject: Subject
    /// Why.
    public let reason: String
    /// What the user can do; nil when that is nothing.
    public let remedy: String?

    init(_ subject: Subject, _ obstacle: Obstacle) {
      self.subject = subject
      reason = obstacle.reason
      remedy = obstacle.remedy
    }
  }

  /// Makes directories of this name where this process stands, and enables the controllers of the v2 tree for them.
  ///
  /// That takes moving our own processes out of the way, which are the movable ones.
  public init(
    named name: String, places: CgroupPlaces, movable: [Int32], features: Features = .usable,
    system: SystemFacts = .current()
  ) {
    let founder = GroupFounder(name: name, features: features, refusal: system.refusal(of: places.unified))
    var findings: [Finding] = []
    // What is in the way of a controller, unless a v1 tree has it.
    var obstacle = Obstacle(reason: "neither the v2 tree nor a v1 tree offers this controller here")

    var unified: ControlGroup?
    do throws(Obstacle) {
      unified = try founder.foundUnified(in: places.unified)
    } catch {
      obstacle = error
      findings.append(Finding(.unified, error))
    }

    var grant: ControllerGrant?
    if unified != nil, let place = places.unified {
      do throws(SystemError) {
        grant = try .obtain(["memory", "pids"], for: name, in: place, movable: movable)
      } catch {
        obstacle = Obstacle(reason: "\(error)", remedy: system.delegationRemedy)
      }
    }

    let offered = grant?.controllers ?? []
    let memoryVersion: CgroupVersion = offered.contains("memory") ? .v2 : .v1
    let pidsVersion: CgroupVersion = offered.contains("pids") ? .v2 : .v1
    var memory: ControlGroup?
    do throws(Obstacle) {
      memory = try founder.seat(memoryVersion, unified: places.unified, legacy: places.memory, lacking: obstacle)
    } catch {
      findings.append(Finding(.memory, error))
    }
    var pids: ControlGroup?
    do throws(Obstacle) {
      pids = try founder.seat(pidsVersion, unified: places.unified, legacy: places.pids, lacking: obstacle)
    } catch {
      findings.append(Finding(.pids, error))
    }

    var paths: [String] = []
    for path in [unified.path, memory.path, pids.path] {
      if let path, !paths.contains(path) { paths.append(path) }
    }
    self.paths = paths
    self.findings = findings
    self.features = features
    self.grant = grant
    self.memoryVersion = memory == nil ? nil : memoryVersion
    self.pidsVersion = pids == nil ? nil : pidsVersion
    self.unified = unified
    self.memory = memory
    self.pids = pids
  }

  /// Removes what was made, as far as nothing is in it any more; whether it is gone.
  @discardableResult
  public func remove() -> Bool {
    var isGone = true
    for path in paths {
      guard let slash = path.lastIndex(of: "/"), let parent = try? ControlGroup.open(String(path[..<slash])) else {
        isGone = false
        continue
      }
      if (try? parent.remove(String(path[path.index(after: slash)...]))) == nil { isGone = false }
    }
    grant?.revoke()
    return isGone
  }
}
