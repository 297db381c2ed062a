internal import CSQLite
internal import Glibc

/// Why the ledger could not do what it was asked.
public struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of trouble it is.
  public enum Code: String, Hashable, Sendable {
    /// Another process held it for longer than the timeout.
    case busy
    /// The disk is full.
    case full
    /// It may not be written.
    case readOnly = "read_only"
    /// The disk failed.
    case inputOutput = "input_output"
    /// Its pages make no sense.
    case corrupt
    /// The file is something else.
    case notALedger = "not_a_ledger"
    /// A newer Reeve made it.
    case newerSchema = "newer_schema"
    /// It is not there, or may not be opened.
    case cannotOpen = "cannot_open"
    /// A rule of the schema forbids it: a fault in Reeve.
    case forbidden
    /// Anything else: a fault in Reeve.
    case other
  }

  /// What kind of trouble it is.
  public let code: Code
  /// What happened and what to do, for people.
  public let message: String

  /// Trouble of this kind.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}

extension LedgerError {
  /// What SQLite says, in our words. Where the disk is full it may speak of a failed disk; the system knows better.
  init(result: Int32, said: String, systemError: Int32 = 0, path: String) {
    let code: Code
    let advice: String
    switch result & 0xff {
    case SQLITE_IOERR where systemError == ENOSPC || systemError == EDQUOT:
      (code, advice) = (.full, "the disk is full; make room and try again")
    case SQLITE_BUSY, SQLITE_LOCKED:
      (code, advice) = (.busy, "another program holds it; try again")
    case SQLITE_FULL: (code, advice) = (.full, "the disk is full; make room and try again")
    case SQLITE_READONLY, SQLITE_PERM:
      (code, advice) = (.readOnly, "it may not be written; check its permissions")
    case SQLITE_IOERR, SQLITE_NOMEM, SQLITE_NOLFS:
      (code, advice) = (.inputOutput, "the disk failed; check the system's log")
    case SQLITE_CORRUPT: (code, advice) = (.corrupt, "it is damaged; move it away to begin a new one")
    case SQLITE_NOTADB: (code, advice) = (.notALedger, "it is not an SQLite database; move it away")
    case SQLITE_CANTOPEN where systemError == EMFILE || systemError == ENFILE:
      (code, advice) = (.cannotOpen, "too many files are open; raise the limit (ulimit -n)")
    case SQLITE_CANTOPEN: (code, advice) = (.cannotOpen, "check that its folder exists and may be written")
    case SQLITE_CONSTRAINT, SQLITE_TOOBIG: (code, advice) = (.forbidden, "please report this as a fault in Reeve")
    default: (code, advice) = (.other, "please report this as a fault in Reeve")
    }
    self.init(code, "the ledger \(path): \(said) (\(advice))")
  }
}
