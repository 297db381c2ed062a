internal import CLinux
internal import Glibc

extension LaunchRequest {
  /// Starts the program; returns once it runs, or has failed to.
  ///
  /// For a thread that does nothing else: it blocks for as long as exec takes, and the process is killed when the thread
  /// that launched it ends.
  public func perform(in slot: LaunchSlot) -> LaunchOutcome {
    let result = withKernelRequest { cl_launch(slot.pointer, $0) }
    // Clone returns as well when the child is killed before exec, which only those do who saw the launch in the slot.
    let wasKilled = result.step == CL_STEP_NONE && result.observed && LaunchRequest.diedBeforeExec(result)
    guard let step = wasKilled ? .exec : LaunchStep(result.step) else {
      return .started(LaunchedProcess(pid: result.pid, rawPidfd: result.pidfd))
    }
    if result.pidfd >= 0 {
      // It is exiting, so this waits for moments only. ECHILD would mean that it has been reaped by someone already.
      let child = Pidfd(owning: result.pidfd)
      _ = try? child.reapWhenEnded()
    }
    return .failed(diagnose(step, error: wasKilled ? ECANCELED : result.error))
  }

  /// How often `diedBeforeExec` looks.
  private static let lookMicroseconds: UInt32 = 500

  /// Whether a child that clone has returned from never became the program.
  ///
  /// The kernel wakes us when the child has left our memory, by exec or by death, but notes either a moment later: so this
  /// looks until one of them shows. Where there is no /proc to look at, exec is taken to have happened.
  private static func diedBeforeExec(_ result: cl_launch_result) -> Bool {
    while true {
      // In this order: once it is a zombie, what is read of it afterwards is final.
      let isZombie = hasEnded(result.pidfd)
      guard let process = try? ProcessTable.stat(result.pid) else { return false }
      if process.hasExecuted { return false }
      if isZombie { return true }
      usleep(lookMicroseconds)
    }
  }

  private static func hasEnded(_ pidfd: Int32) -> Bool {
    var ending = cl_ending()
    return cl_wait_pidfd(pidfd, CL_WAIT_PEEK, &ending) != 0
  }

  private func withKernelRequest<Result>(_ body: (UnsafePointer<cl_launch_request>) -> Result) -> Result {
    programPath.withPointers { program in
      directoryPath.withPointers { directory in
        argumentVector.withPointers { arguments in
          environment.withPointers { environment in
            joinedCgroups.withUnsafeBufferPointer { joined in
              var request = cl_launch_request()
              request.program = program.pointee
              request.arguments = arguments
              request.environment = environment
              request.directory = directory.pointee
              request.input = standardInput
              request.output = standardOutput
              request.error = standardError
              request.cgroup = cgroup ?? -1
              request.joined_cgroups = joined.baseAddress
              request.joined_cgroup_count = joined.count
              request.sets_out_of_memory_score = outOfMemoryScore != nil
              request.out_of_memory_score = outOfMemoryScore ?? 0
              request.sets_open_files = openFiles != nil
              request.open_files_soft = openFiles?.soft ?? 0
              request.open_files_hard = openFiles?.hard ?? 0
              request.may_gain_privileges = mayGainPrivileges
              request.uses_clone3 = features.contains(.clone3)
              request.uses_close_range = features.contains(.closeRange)
              return body(&request)
            }
          }
        }
      }
    }
  }
}
