import Glibc
import Kernel
import Model

/// A folder of services that run once each, for supervisors that look at such a folder.
struct ServiceFolder {
  private let workshop: Workshop
  private let path: String
  private let marks: String
  private let count: Int

  /// How often it is looked whether all have run, in microseconds.
  private static let look: UInt32 = 1000

  init(_ workshop: Workshop, count: Int) throws {
    self.workshop = workshop
    self.count = count
    path = try workshop.makeFolder()
    marks = "\(try workshop.makeFolder())/marks"
    try workshop.write(marks, "")
    for number in 0..<count {
      let service = "\(path)/\(number)"
      guard mkdir(service, 0o700) == 0, symlink("/bin/true", "\(service)/run") == 0,
        symlink(workshop.limits, "\(service)/finish") == 0
      else { throw SystemError(call: "symlink", code: errno, detail: service) }
    }
  }

  /// From the supervisor's start until the finish script of each service has noted that it ran.
  func run(under program: String, endedBy signal: Int32) throws -> TimeSpan {
    let environment = ProcessEnvironment.current().merging(["BENCH_MARKS": marks]) { $1 }
    let begin = Clock.now()
    let supervisor = try workshop.start(program, [path], environment: environment, streams: [])
    let file = try Descriptor.open(marks, flags: O_RDONLY)
    let deadline = begin + .seconds(60)
    var done = 0
    var buffer = [UInt8](repeating: 0, count: count + 1)
    while done < count {
      guard Clock.now() < deadline else { throw BenchError("\(done) of \(count) services have run in a minute") }
      usleep(Self.look)
      done = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    }
    let span = Clock.now() - begin
    supervisor.signal(signal)
    try supervisor.wait(within: .seconds(30), signalled: true)
    return span
  }
}
