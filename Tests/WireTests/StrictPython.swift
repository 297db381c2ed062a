import Glibc
import Support
import Testing

/// Python's own JSON parser as an oracle, made as strict as Reeve: one child judges a file of cases.
enum StrictPython {
  /// What Python says of one case.
  struct Verdict: Equatable {
    enum Kind: UInt8 {
      case accepted = 0x41
      case loneSurrogate = 0x53
      case noise = 0x4E
    }
    var kind: Kind
    /// The whole value in the form `canonical(_:)` gives, if it was accepted.
    var canonical: String
  }

  /// Whether there is a python3; says so on stderr if there is none.
  static let isPresent: Bool = {
    let folders = (TestEnvironment.value("PATH") ?? "").split(separator: ":")
    if folders.contains(where: { access("\($0)/python3", X_OK) == 0 }) { return true }
    skip("the scanner against Python's json: there is no python3 on the PATH")
    return false
  }()

  /// Judges all cases, in order.
  static func judge(_ cases: [[UInt8]], in folder: borrowing TemporaryDirectory) throws -> [Verdict] {
    var input: [UInt8] = []
    for text in cases {
      withUnsafeBytes(of: UInt32(text.count).littleEndian) { input.append(contentsOf: $0) }
      input.append(contentsOf: text)
    }
    try #require(TestFile.write(Array(program.utf8), to: "\(folder.path)/oracle.py"))
    try #require(TestFile.write(input, to: "\(folder.path)/cases"))
    try run(["python3", "-I", "\(folder.path)/oracle.py", "\(folder.path)/cases", "\(folder.path)/verdicts"])
    let lines = try #require(TestFile.read("\(folder.path)/verdicts")).split(
      separator: 0x0A, omittingEmptySubsequences: false
    ).dropLast()
    try #require(lines.count == cases.count)
    return try lines.map { line in
      let kind = try #require(line.first.flatMap(Verdict.Kind.init))
      return Verdict(kind: kind, canonical: String(decoding: line.dropFirst(), as: UTF8.self))
    }
  }

  private static func run(_ arguments: [String]) throws {
    var pointers = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    try #require(posix_spawnp(&child, arguments[0], nil, nil, &pointers, environ) == 0)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { try #require(errno == EINTR) }
    try #require(status == 0, "the oracle failed")
  }

  /// Objects come as lists of pairs, so that what a later duplicate replaces is looked at as well.
  private static let program = #"""
    import json, struct, sys

    sys.setrecursionlimit(100000)
    sys.set_int_max_str_digits(0)

    class Pairs(list):
        pass

    class LoneSurrogate(Exception):
        pass

    def refuse(name):
        raise ValueError(name)

    def text(value):
        try:
            return value.encode("utf-8").hex()
        except UnicodeEncodeError:
            raise LoneSurrogate()

    def number(value):
        return "d" + struct.pack(">d", value).hex()

    def canonical(value, depth):
        if value is None:
            return "n"
        if value is True:
            return "t"
        if value is False:
            return "f"
        if isinstance(value, int):
            if -(1 << 63) <= value < 1 << 63:
                return "i%d" % value
            try:
                return number(float(value))
            except OverflowError:
                return number(float("inf") if value > 0 else float("-inf"))
        if isinstance(value, float):
            return number(value)
        if isinstance(value, str):
            return "s" + text(value)
        if depth == 512:
            raise RecursionError()
        if isinstance(value, Pairs):
            members = {}
            for key, member in value:
                members[text(key)] = canonical(member, depth + 1)
            return "{" + ",".join(key + ":" + member for key, member in members.items()) + "}"
        return "[" + ",".join(canonical(element, depth + 1) for element in value) + "]"

    def depth_of(value):
        deepest, level = 0, [value]
        while level:
            level = [v for v in level if isinstance(v, list)]
            if level:
                deepest += 1
            level = [m[1] if isinstance(v, Pairs) else m for v in level for m in v]
        return deepest

    def judge(case):
        try:
            value = json.loads(case.decode("utf-8", "strict"), parse_constant=refuse, object_pairs_hook=Pairs)
        except (ValueError, RecursionError):
            return "N"
        if depth_of(value) > 512:
            return "N"
        try:
            return "A" + canonical(value, 0)
        except LoneSurrogate:
            return "S"

    data = open(sys.argv[1], "rb").read()
    out = open(sys.argv[2], "w")
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        out.write(judge(data[at + 4 : at + 4 + length]) + "\n")
        at += 4 + length
    out.close()
    """#
}
