public import Loop
public import Model

/// Somebody who looks on while a run goes its way. Nothing that an observer does can hold the run up.
@LoopActor public protocol RunObserver: AnyObject {
  /// Its status, its disposal or its flags changed.
  func runChanged(_ run: RunRecord)
  /// Its row could not be written: there is no such run.
  func runRefused(_ run: RunID, _ error: HostError)
  /// Its transcript grew.
  func runAppended(_ run: RunRecord)
  /// Whether it wants to hear what the agent says, piece by piece.
  var hearsText: Bool { get }
  /// Its agent said a piece of its answer.
  func runSaid(_ run: RunID, _ text: [UInt8])
}

extension RunObserver {
  /// Most do not care.
  public func runAppended(_ run: RunRecord) {}
  /// Most do not care.
  public var hearsText: Bool { false }
  /// Most do not care.
  public func runSaid(_ run: RunID, _ text: [UInt8]) {}
}
