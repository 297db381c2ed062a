internal import Loop
internal import Model
internal import RPC
internal import Wire

/// A method of the protocol: what clients read of it, and what it does.
struct Method: Sendable {
  typealias Body = @LoopActor @Sendable (Session, Given, Call) throws -> Void

  let description: MethodDescription
  /// Whether it has another thread at work.
  let isSlow: Bool
  let body: Body

  init(
    _ name: String, _ summary: String, takes parameters: [Member] = [], isOpen: Bool = false, isSlow: Bool = false,
    gives result: [Member], errors: [ProtocolError] = [], _ body: @escaping Body
  ) {
    self.init(
      name, summary, takes: parameters, isOpen: isOpen, isSlow: isSlow, gives: .object(result), errors: errors, body)
  }

  init(
    _ name: String, _ summary: String, takes parameters: [Member] = [], isOpen: Bool = false, isSlow: Bool = false,
    gives result: Shape?, errors: [ProtocolError] = [], _ body: @escaping Body
  ) {
    self.isSlow = isSlow
    description = MethodDescription(
      name, summary, takes: parameters, isOpen: isOpen, gives: result, errors: errors.map(\.description))
    self.body = body
  }

  @LoopActor func perform(_ call: Call, for session: Session) {
    do {
      try body(session, try Given(call.params, of: description.parameters, isOpen: description.isOpen), call)
    } catch {
      call.fail(ProtocolError.error(error))
    }
  }
}

extension Call {
  /// Answers it with what came of something.
  func answer<Value>(_ result: Result<Value, some Error>, _ json: (Value) -> JSON) {
    switch result {
    case .success(let value): succeed(json(value))
    case .failure(let error): fail(ProtocolError.error(error))
    }
  }
}
