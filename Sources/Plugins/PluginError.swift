/// Why a plugin cannot be used, or cannot be used like this.
public struct PluginError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is.
  public enum Code: Sendable {
    /// There is no plugin of that name.
    case notFound
    /// Its manifest is wrong.
    case badManifest
    /// The user's configuration is wrong.
    case badConfiguration
    /// It lies in a project that the user has not trusted, or not with this content; or others could change it.
    case untrusted
    /// A plugin cannot be made there.
    case badPlace
    /// A limit is wrong.
    case badLimit
    /// Variables that it requires are not set.
    case missingEnvironment
    /// The prompt does not fit on a command line.
    case promptTooLarge
    /// Its program is not where it was looked for.
    case programNotFound
    /// The request lacks something that its command needs, or holds something that it cannot take.
    case badRequest
  }

  /// What kind of trouble it is.
  public let code: Code
  /// One line for people: what happened, and what to do.
  public internal(set) var message: String
  /// The same without where it was looked for, for lists in which that would stand on every line.
  var brief: String?
  /// The manifest at fault, if one is.
  public var file: String?
  /// The key in it, the name of the limit, or the program.
  public var key: String?
  /// The names at issue: missing variables, plugins with a like name.
  public var names: [String] = []
  /// The prompt's size and what may be, where it is too large.
  public var sizes: (actual: Int, limit: Int)?

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The same without secrets in its words.
  public func masked(by mask: SecretMask) -> PluginError {
    var error = self
    error.message = mask.masked(message)
    return error
  }

  /// The message.
  public var description: String { message }
}
