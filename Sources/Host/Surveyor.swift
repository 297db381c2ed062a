internal import Kernel
internal import Loop
internal import Model
internal import Plugins

/// What one look at the processes of a run found.
struct Survey: Sendable {
  /// A process, told from a later one of the same number by when it began.
  struct Member: Sendable {
    let pid: Int32
    let started: UInt64
  }

  /// All of them that live.
  var members: [Member] = []
  /// Their memory in bytes. What they share is counted once where that decides, and in each of them where it does not.
  var memory: Int64 = 0
  /// Processes and threads.
  var tasks: Int64 = 0
}

/// Looks at processes on a thread of its own, where the kernel does not count or when it does not tell.
///
/// What it reads may be slow, and block for as long as a process hangs in the kernel. So nothing waits for an answer: a
/// verdict, a kill or a burial goes its way without.
@LoopActor final class Surveyor: EventSource {
  enum Question: Sendable {
    /// How much do these and their descendants use? A breach of the limit is looked at more closely.
    case survey(RunID, roots: [Int32], memoryLimit: Int64?)
    /// Whose sign does this process carry?
    case explore(Survey.Member)
  }

  enum Answer: Sendable {
    case surveyed(RunID, Survey)
    case explored(Survey.Member, marks: [RunID])
  }

  private let questions: Port<Question>
  private let answers: Port<Answer>
  private var bell: Watched<Descriptor>?
  private var arrived: [Answer] = []
  private var isBegun = false
  /// Told of each answer.
  var onAnswer: (Answer) -> Void = { _ in }

  init() throws(SystemError) {
    questions = try Port(blocking: true)
    answers = try Port(blocking: false)
    bell = try Watched(try answers.watchable(), tag: 0, source: self)
  }

  func close() {
    bell.take()?.close()
    onAnswer = { _ in }
  }

  /// Asks; the thread is made for the first question.
  func ask(_ question: Question) {
    if !isBegun {
      let (questions, answers) = (questions, answers)
      guard (try? Worker("surveyor") { Self.serve(questions, answers) }.detach()) != nil else { return }
      isBegun = true
    }
    questions.send(question)
  }

  func ready(_ tag: Int, _ readiness: Readiness) {
    answers.take(&arrived)
    for answer in arrived { onAnswer(answer) }
    arrived.removeAll(keepingCapacity: true)
  }

  func timerFired(_ tag: Int) {}

  // MARK: - The thread

  private nonisolated static func serve(_ questions: Port<Question>, _ answers: Port<Answer>) {
    var waiting: [Question] = []
    while true {
      questions.take(&waiting)
      for question in waiting {
        switch question {
        case .survey(let run, let roots, let limit): answers.send(.surveyed(run, survey(roots, memoryLimit: limit)))
        case .explore(let member): answers.send(.explored(member, marks: marks(of: member.pid)))
        }
      }
      waiting.removeAll(keepingCapacity: true)
    }
  }

  private nonisolated static func survey(_ roots: [Int32], memoryLimit: Int64?) -> Survey {
    var survey = Survey()
    let processes = ProcessTable.tree(from: roots).filter(\.isAlive)
    for process in processes {
      survey.members.append(Survey.Member(pid: process.pid, started: process.startTicks))
      survey.memory += Int64(process.residentBytes)
      survey.tasks += Int64(process.threads)
    }
    // What several processes share was counted in each of them. To divide it is dear, so it is done only when it decides.
    if let memoryLimit, survey.memory > memoryLimit, processes.count > 1 {
      survey.memory = processes.reduce(0) { sum, process in
        sum + (ProcessTable.proportionalMemory(of: process.pid) ?? Int64(process.residentBytes))
      }
    }
    return survey
  }

  private nonisolated static func marks(of pid: Int32) -> [RunID] {
    RunMark.runs(in: ProcessTable.variable(RunMark.variable, of: pid))
  }
}
