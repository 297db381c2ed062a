public import Wire

/// One call of a method by a client, answered exactly once: now or later, or given up by the client.
public final class Call {
  /// The method.
  public let method: String
  /// What it was given.
  public let params: JSON?
  /// Nil for a notification, which is never answered, not even when it is wrong.
  public let id: RPCIdentifier?
  /// Told that the client wants no answer any more (`$/cancelRequest`). Without it a call takes its course.
  public var onCancel: (() -> Void)? {
    // What is answered already can be withdrawn no more, and must hold on to nothing.
    didSet { if answer == nil, onCancel != nil { onCancel = nil } }
  }
  /// Told when it is answered, or nobody can hear the answer any more.
  public var onEnd: (() -> Void)?
  private var answer: ((Call, Result<JSON, RPCError>) -> Void)?

  init(
    method: String, params: JSON?, id: RPCIdentifier?, answer: @escaping (Call, Result<JSON, RPCError>) -> Void
  ) {
    self.method = method
    self.params = params
    self.id = id
    self.answer = answer
  }

  /// Answers it. Only the first answer counts.
  public func answer(_ result: Result<JSON, RPCError>) {
    guard let answer else { return }
    (self.answer, onCancel) = (nil, nil)
    answer(self, result)
    end()
  }

  private func end() {
    let onEnd = onEnd
    self.onEnd = nil
    onEnd?()
  }

  /// Answers it well.
  public func succeed(_ result: JSON) { answer(.success(result)) }

  /// Answers it with an error.
  public func fail(_ error: RPCError) { answer(.failure(error)) }

  /// Nobody can hear an answer any more.
  func abandon() {
    (answer, onCancel) = (nil, nil)
    end()
  }
}
