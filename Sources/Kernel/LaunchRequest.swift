/// A program to be started, and all that its process starts with.
///
/// The descriptors are borrowed: they must stay open until the launch has ended.
public struct LaunchRequest: Sendable {
  /// The program's absolute path.
  public let program: String
  /// The directory it starts in.
  public let directory: String
  /// Where it reads from, and writes output and errors to.
  public let standardInput, standardOutput, standardError: Int32
  /// The directory of the v2 cgroup it is born into.
  public var cgroup: Int32?
  /// The directories of v1 cgroups, one a hierarchy, that the child joins before it does anything else.
  public var joinedCgroups: [Int32] = []
  /// How much sooner than others the kernel should kill it when memory runs out, up to 1000; best effort.
  public var outOfMemoryScore: Int32?
  /// How many descriptors it may open; the launcher's own limits if nil.
  public var openFiles: FileLimit?
  /// Whether it may gain privileges by exec, as sudo does.
  public var mayGainPrivileges = false
  /// What may be tried of newer kernels.
  public var features = Features.usable

  let programPath, argumentVector, environment, directoryPath: CStrings

  /// A request to start a program with these arguments (its own name is put before them) and this environment, and
  /// nothing else of the launcher's.
  public init(
    program: String, arguments: [String] = [], environment: [String] = [], directory: String,
    standardInput: Int32, standardOutput: Int32, standardError: Int32
  ) throws(SystemError) {
    self.program = program
    self.directory = directory
    self.standardInput = standardInput
    self.standardOutput = standardOutput
    self.standardError = standardError
    programPath = try CStrings([program])
    argumentVector = try CStrings([program] + arguments)
    self.environment = try CStrings(environment)
    directoryPath = try CStrings([directory])
  }
}
