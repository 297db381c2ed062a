import Glibc
import Kernel
import Synchronization

/// A thread of one's own: pool threads come and go, and take with them what they have launched.
final class WorkerThread: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let bell: Bell

  /// One that lives as long as the tests do.
  static let shared = Result { try WorkerThread() }

  init() throws {
    bell = try Bell(blocking: true)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<WorkerThread>.fromOpaque(context).takeRetainedValue().work() }
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    guard code == 0 else { throw SystemError(call: "pthread_create", code: code) }
    pthread_detach(thread)
  }

  /// Has a job done there; what it gives is found in the answer.
  func submit<Value: Sendable>(_ job: @escaping @Sendable () -> Value) throws -> Answer<Value> {
    let answer = try Answer<Value>()
    state.withLock { state in state.jobs.append { answer.give(job()) } }
    bell.ring()
    return answer
  }

  /// Lets the thread end once its jobs are done.
  func close() throws {
    state.withLock { $0.isClosed = true }
    bell.ring()
  }

  private func work() {
    while true {
      bell.hear()
      let (jobs, isClosed) = state.withLock { state in
        defer { state.jobs = [] }
        return (state.jobs, state.isClosed)
      }
      for job in jobs { job() }
      if isClosed { return }
    }
  }
}

/// What a job on another thread gives.
final class Answer<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let bell: Bell

  init() throws { bell = try Bell(blocking: true) }

  func give(_ value: Value) {
    self.value.withLock { $0 = value }
    bell.ring()
  }

  var isGiven: Bool { value.withLock { $0 != nil } }

  /// Waits for it; once.
  func take() throws -> Value {
    while true {
      if let value = value.withLock({ $0 }) { return value }
      bell.hear()
    }
  }
}

/// Something that one thread tells another once.
final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}
