internal import Glibc

/// Makes a system call until it ends otherwise than by a signal; its result, or what it left in errno.
///
/// Not for `close`: on Linux the descriptor is gone even when `close` was interrupted.
@discardableResult
func retryingInterrupts<Result: SignedInteger>(
  _ call: StaticString,
  _ detail: @autoclosure () -> String? = nil,
  _ body: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let error = SystemError.last(call)
    if error.code == EINTR { continue }
    throw SystemError(call: call, code: error.code, detail: detail())
  }
}
