internal import Model

/// The tables and what the database itself refuses, whoever asks.
///
/// Times are milliseconds since 1970. `gone` is empty as long as something of the run may still be there,
/// which is what makes a run live; the partial index holds just those, so that listing them costs the same
/// however long the history is.
enum Schema {
  /// Marks the file as ours (`Reev`), so that another program's database is never written to.
  static let applicationIdentifier: Int64 = 0x5265_6576

  /// Each step takes the schema from its index to the next version. Steps are never edited, only added.
  static let migrations: [String] = [version1, version2, version3, version4, version5, version6]

  private static func list(_ words: [String]) -> String {
    words.map { "'\($0)'" }.joined(separator: ", ")
  }

  static let terminal = list(Status.terminal.map(\.rawValue))

  private static let illegal = Status.allCases
    .map { "OLD.status = '\($0.rawValue)' AND NEW.status NOT IN (\(list($0.successors.map(\.rawValue))))" }
    .joined(separator: " OR ")

  private static let version1 = """
    CREATE TABLE hosts (
      id TEXT PRIMARY KEY,
      pid INTEGER NOT NULL,
      start_ticks INTEGER NOT NULL,
      boot TEXT NOT NULL,
      version TEXT NOT NULL,
      started INTEGER NOT NULL,
      ended INTEGER,
      lock_device INTEGER NOT NULL,
      lock_inode INTEGER NOT NULL,
      sockets TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      host TEXT NOT NULL REFERENCES hosts (id),
      plugin TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN (\(list(Status.allCases.map(\.rawValue))))),
      reason TEXT,
      disposal TEXT NOT NULL CHECK (disposal IN (\(list(Disposal.allCases.map(\.rawValue))))),
      flags TEXT NOT NULL,
      created INTEGER NOT NULL,
      started INTEGER,
      settled INTEGER,
      gone INTEGER,
      directory TEXT NOT NULL,
      prompt TEXT NOT NULL,
      session TEXT,
      labels TEXT NOT NULL,
      limits TEXT NOT NULL,
      output TEXT,
      text TEXT,
      error TEXT,
      exit_code INTEGER,
      exit_signal INTEGER,
      usage TEXT,
      cost REAL,
      events INTEGER NOT NULL,
      events_stored INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      noise INTEGER NOT NULL,
      pid INTEGER,
      start_ticks INTEGER
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX runs_live ON runs (id) WHERE gone IS NULL;

    CREATE TABLE transitions (
      run TEXT NOT NULL REFERENCES runs (id),
      at INTEGER NOT NULL,
      "from" TEXT,
      "to" TEXT NOT NULL,
      reason TEXT,
      host TEXT NOT NULL,
      evidence TEXT,
      PRIMARY KEY (run, "to")
    ) STRICT, WITHOUT ROWID;

    CREATE TRIGGER runs_begin_alive BEFORE INSERT ON runs
    WHEN NEW.status NOT IN ('queued', 'starting')
    BEGIN SELECT RAISE(ABORT, 'a run begins queued or starting'); END;

    CREATE TRIGGER runs_are_never_replaced BEFORE INSERT ON runs
    WHEN EXISTS (SELECT 1 FROM runs WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a run is never replaced'); END;

    CREATE TRIGGER runs_keep_their_name BEFORE UPDATE OF id ON runs
    BEGIN SELECT RAISE(ABORT, 'a run keeps its name'); END;

    CREATE TRIGGER runs_keep_their_beginning
    BEFORE UPDATE OF plugin, created, directory, prompt, labels, limits ON runs
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;

    CREATE TRIGGER runs_move_forward BEFORE UPDATE OF status ON runs
    WHEN \(illegal)
    BEGIN SELECT RAISE(ABORT, 'this status cannot follow that one; a terminal one is final'); END;

    CREATE TRIGGER runs_verdict_is_final
    BEFORE UPDATE OF status, reason, settled, output, text, error ON runs
    WHEN OLD.status IN (\(terminal))
    BEGIN SELECT RAISE(ABORT, 'a verdict is final'); END;

    CREATE TRIGGER runs_are_deleted_when_buried BEFORE DELETE ON runs
    WHEN OLD.status NOT IN (\(terminal)) OR OLD.disposal NOT IN ('none', 'gone')
    BEGIN SELECT RAISE(ABORT, 'a run can be deleted when it is terminal and buried'); END;

    -- Not ON DELETE CASCADE, which a connection that has not asked for foreign keys ignores.
    CREATE TRIGGER runs_take_their_history_along AFTER DELETE ON runs
    BEGIN DELETE FROM transitions WHERE run = OLD.id; END;

    CREATE TRIGGER transitions_are_final BEFORE UPDATE ON transitions
    BEGIN SELECT RAISE(ABORT, 'history is not rewritten'); END;

    CREATE TRIGGER transitions_tell_the_truth BEFORE INSERT ON transitions
    WHEN NOT EXISTS (SELECT 1 FROM runs WHERE id = NEW.run AND status = NEW."to")
    BEGIN SELECT RAISE(ABORT, 'a transition is written with the change that it tells of'); END;

    CREATE TRIGGER transitions_are_never_replaced BEFORE INSERT ON transitions
    WHEN EXISTS (SELECT 1 FROM transitions WHERE run = NEW.run AND "to" = NEW."to")
    BEGIN SELECT RAISE(ABORT, 'history is not rewritten'); END;

    CREATE TRIGGER transitions_stay BEFORE DELETE ON transitions
    WHEN EXISTS (SELECT 1 FROM runs WHERE id = OLD.run)
    BEGIN SELECT RAISE(ABORT, 'history is not rewritten'); END;
    """

  /// What holds a run's processes, and what they used.
  private static let version2 = """
    ALTER TABLE runs ADD COLUMN containment TEXT;
    ALTER TABLE runs ADD COLUMN control_groups TEXT;
    ALTER TABLE runs ADD COLUMN memory_limit INTEGER;
    ALTER TABLE runs ADD COLUMN memory_enforcer TEXT;
    ALTER TABLE runs ADD COLUMN memory_peak INTEGER;
    ALTER TABLE runs ADD COLUMN tasks_peak INTEGER;
    ALTER TABLE runs ADD COLUMN cpu_milliseconds INTEGER;
    ALTER TABLE runs ADD COLUMN leftovers TEXT;
    """

  /// Which runs may be resumed: said here once, for the query, the swap and the trigger alike.
  static func resumable(_ table: String) -> String {
    "(\(table).status IN (\(terminal)) AND \(table).session IS NOT NULL AND \(table).resumed_by IS NULL)"
  }

  /// Runs that go on with others' sessions or were started inside others; what tells a state folder from its copy.
  private static let version3 = """
    ALTER TABLE runs ADD COLUMN resumes TEXT;
    ALTER TABLE runs ADD COLUMN resumed_by TEXT;
    ALTER TABLE runs ADD COLUMN parent TEXT;
    ALTER TABLE runs ADD COLUMN terms TEXT;
    ALTER TABLE hosts ADD COLUMN folder_device INTEGER;
    ALTER TABLE hosts ADD COLUMN folder_inode INTEGER;
    ALTER TABLE hosts ADD COLUMN control_groups TEXT;
    ALTER TABLE hosts ADD COLUMN heartbeat INTEGER;
    ALTER TABLE hosts ADD COLUMN memory INTEGER;

    CREATE TRIGGER runs_keep_their_origin BEFORE UPDATE OF resumes, parent, terms, host ON runs
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;

    CREATE TRIGGER runs_are_resumed_once BEFORE UPDATE OF resumed_by ON runs
    WHEN NOT \(resumable("OLD"))
    BEGIN SELECT RAISE(ABORT, 'a run is resumed once, when it is over, and only if it has a session'); END;
    """

  /// Requests that clients have named.
  private static let version4 = """
    ALTER TABLE runs ADD COLUMN key TEXT;
    ALTER TABLE runs ADD COLUMN request TEXT;

    CREATE UNIQUE INDEX runs_key ON runs (key) WHERE key IS NOT NULL;

    CREATE TRIGGER runs_keep_their_key BEFORE UPDATE OF key, request ON runs
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;
    """

  /// Figures that an agent adds up over its whole session, and the names of the variables that a program was given.
  private static let version5 = """
    ALTER TABLE runs ADD COLUMN cumulative TEXT;
    ALTER TABLE runs ADD COLUMN environment TEXT;

    CREATE INDEX runs_figures ON runs (plugin, session, id) WHERE cumulative IS NOT NULL;

    CREATE TRIGGER runs_keep_their_environment BEFORE UPDATE OF environment ON runs
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;
    """

  /// Texts that many runs of a host share: they were most of every row, and written again with every change of a status.
  /// They are their host's and go when it is forgotten, so that nobody has to look for runs that still need one. Rows from
  /// before have them in themselves, as rows of hosts of older versions still do.
  private static let version6 = """
    CREATE TABLE texts (
      id INTEGER PRIMARY KEY,
      host TEXT NOT NULL REFERENCES hosts (id),
      text TEXT NOT NULL
    ) STRICT;

    CREATE INDEX texts_by_host ON texts (host);

    ALTER TABLE runs ADD COLUMN limits_text INTEGER;
    ALTER TABLE runs ADD COLUMN environment_text INTEGER;

    CREATE TRIGGER runs_keep_their_texts BEFORE UPDATE OF limits_text, environment_text ON runs
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;

    CREATE TRIGGER texts_are_final BEFORE UPDATE ON texts
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;

    CREATE TRIGGER texts_are_never_replaced BEFORE INSERT ON texts
    WHEN EXISTS (SELECT 1 FROM texts WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;

    CREATE TRIGGER texts_stay BEFORE DELETE ON texts
    WHEN EXISTS (SELECT 1 FROM hosts WHERE id = OLD.host)
    BEGIN SELECT RAISE(ABORT, 'what a run began with is not rewritten'); END;

    CREATE TRIGGER hosts_take_their_texts_along AFTER DELETE ON hosts
    BEGIN DELETE FROM texts WHERE host = OLD.id; END;
    """
}
