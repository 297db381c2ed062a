import Glibc

/// What was asked for.
struct Options {
  /// How often each contestant is measured.
  var rounds = 5
  /// Print one JSON value instead of the table.
  var json = false
  /// Measure less: to see that everything works, not to trust the figures.
  var quick = false
  /// Only say what could be measured.
  var list = false
  /// Only contests whose names begin so.
  var only: [String] = []
  /// The program to measure, when it is not the one that was built along.
  var reeve: String?

  static let usage = """
    Bench [--json] [--rounds N] [--quick] [--list] [--reeve PROGRAM] [--only NAME…]
      --json      one JSON value instead of a table
      --rounds N  how often each contestant is measured (default 5)
      --quick     less of everything: to see that it works, not to trust the figures
      --list      only the names of what can be measured
      --reeve     another program than the one built along
      --only      only what has a name that begins like one of these

    """

  init(_ arguments: some Sequence<String>) throws {
    var words = arguments.makeIterator()
    while let word = words.next() {
      switch word {
      case "--json": json = true
      case "--quick": quick = true
      case "--list": list = true
      case "--rounds":
        guard let number = words.next().flatMap({ Int($0) }), number > 0 else {
          throw BenchError("--rounds needs a number")
        }
        rounds = number
      case "--reeve":
        guard let path = words.next() else { throw BenchError("--reeve needs a path") }
        guard access(path, X_OK) == 0 else { throw BenchError("\(path) is not there, or cannot be executed") }
        reeve = path
      case "--only":
        while let name = words.next() {
          guard !name.hasPrefix("-") else { throw BenchError("\(name): options come before --only") }
          only.append(name)
        }
        guard !only.isEmpty else { throw BenchError("--only needs names") }
      default: throw BenchError("“\(word)” is not understood\n\(Self.usage)")
      }
    }
  }

  /// A size, and what is left of it when things are to be quick.
  func size(_ full: Int) -> Int { quick ? max(full / 10, 1) : full }

  /// Those of the names that are wanted; a wish that none of them begins with is a mistake.
  func choose(among names: [String]) throws -> [String] {
    for wish in only where !names.contains(where: { $0.hasPrefix(wish) }) {
      throw BenchError("nothing is called “\(wish)”; there are \(names.joined(separator: ", "))")
    }
    return names.filter { name in only.isEmpty || only.contains { name.hasPrefix($0) } }
  }
}
