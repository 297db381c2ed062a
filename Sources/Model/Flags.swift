/// Things about a run that are worth a person's look and are no verdict.
public struct Flags: OptionSet, Hashable, Sendable {
  /// One bit for each flag.
  public let rawValue: UInt16

  /// The flags of these bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// It had to be told to leave.
  public static let lingered = Flags(rawValue: 1 << 0)
  /// It said success and exited otherwise.
  public static let exitMismatch = Flags(rawValue: 1 << 1)
  /// Some of its output was not JSON.
  public static let noise = Flags(rawValue: 1 << 2)
  /// A line was longer than the `line` limit, or its last one was cut short.
  public static let truncatedLine = Flags(rawValue: 1 << 3)
  /// Something was still alive after the leader had gone.
  public static let leftovers = Flags(rawValue: 1 << 4)
  /// A tool call was open and silent for as long as `idle`.
  public static let quietTool = Flags(rawValue: 1 << 5)
  /// The verdict was announced before the ledger could take it.
  public static let ledgerDelayed = Flags(rawValue: 1 << 6)
  /// The end of the transcript could not be written.
  public static let transcriptGap = Flags(rawValue: 1 << 7)
  /// The processes could have got away.
  public static let containmentWeak = Flags(rawValue: 1 << 8)

  /// Its agent had to try again what it asked of somebody else.
  public static let retried = Flags(rawValue: 1 << 9)
  /// Its agent said that a person should look: something was refused to it, or left to them.
  public static let attention = Flags(rawValue: 1 << 10)

  /// Its answer was longer than the record holds: the transcript has all of it.
  public static let truncatedText = Flags(rawValue: 1 << 11)
  /// It used more than its limits allow, and said so too late to be ended for it.
  public static let overBudget = Flags(rawValue: 1 << 12)

  /// Each flag with its word.
  public static let names: [(flag: Flags, name: String)] = [
    (.lingered, "lingered"), (.exitMismatch, "exit_mismatch"), (.noise, "noise"),
    (.truncatedLine, "truncated_line"), (.leftovers, "leftovers"), (.quietTool, "quiet_tool"),
    (.ledgerDelayed, "ledger_delayed"), (.transcriptGap, "transcript_gap"),
    (.containmentWeak, "containment_weak"), (.retried, "retried"), (.attention, "attention"),
    (.truncatedText, "truncated_text"), (.overBudget, "over_budget"),
  ]

  /// The words of the flags that are set.
  public var words: [String] { Flags.names.filter { contains($0.flag) }.map(\.name) }

  /// The flags that these words name; unknown words, from a newer Reeve, are passed over.
  public init(words: some Sequence<some StringProtocol>) {
    self = words.reduce(into: []) { flags, word in
      if let known = Flags.names.first(where: { $0.name == word }) { flags.insert(known.flag) }
    }
  }
}
