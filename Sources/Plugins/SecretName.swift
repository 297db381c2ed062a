/// Whether a variable holds a secret, as far as its name tells. It is a guess: what it takes for a secret must be passed
/// by its full name, and its value is masked; so it had better guess too often than too seldom.
enum SecretName {
  /// Words that stand for a secret wherever they stand in a name.
  private static let words: Set<String> = [
    "KEY", "TOKEN", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS",
    "CREDS", "AUTH", "OAUTH", "PAT", "DSN", "JWT", "COOKIE", "BEARER",
    "PGPASS", "SSHPASS",
  ]
  /// Words that do so when they come last, behind another: `DB_PASS`, but not `PASS_THROUGH`; `MYSQL_PWD`, but not `PWD`.
  private static let lastWords: Set<String> = ["PASS", "PWD"]
  /// How a word ends that was written without a break: `GITHUBTOKEN`. `KEY` alone is too short for that: `MONKEY`.
  private static let endings = [
    "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "ACCESSKEY", "SECRETKEY", "PRIVATEKEY",
    "SIGNINGKEY", "ENCRYPTIONKEY", "CREDENTIAL", "CREDENTIALS", "CONNECTIONSTRING", "PWD",
  ]
  /// What ends like a secret and is none.
  private static let harmless: Set<String> = ["OLDPWD", "PWD"]

  static func matches(_ name: String) -> Bool {
    let words = split(name)
    if words.contains(where: { Self.words.contains($0) || isEnding($0) }) { return true }
    guard words.count > 1, let last = words.last else { return false }
    return lastWords.contains(last) || isEnding(words.joined())
  }

  private static func isEnding(_ word: String) -> Bool {
    !harmless.contains(word) && endings.contains { word.hasSuffix($0) }
  }

  /// The words of a name in capitals, without the digits behind them: `accessToken2` is `ACCESS` and `TOKEN`.
  private static func split(_ name: String) -> [String] {
    let bytes = Array(name.utf8)
    var words: [String] = []
    var word: [UInt8] = []
    func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    func isSmall(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    func endWord() {
      while let last = word.last, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(last) { word.removeLast() }
      if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
      word = []
    }
    for (index, byte) in bytes.enumerated() {
      let isWordByte = isCapital(byte) || isSmall(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      guard isWordByte else {
        endWord()
        continue
      }
      // A capital begins a word behind a small letter, and before one: `openAIKey`.
      if isCapital(byte), index > 0 {
        let isBeforeSmall = index + 1 < bytes.count && isSmall(bytes[index + 1])
        if isSmall(bytes[index - 1]) || (isCapital(bytes[index - 1]) && isBeforeSmall) { endWord() }
      }
      word.append(isSmall(byte) ? byte - 0x20 : byte)
    }
    endWord()
    return words
  }
}
