-- Times are seconds since 1970 (UTC), sizes are bytes. Text never holds lone surrogates (see store/codec.py).

CREATE TABLE tasks (
    number      INTEGER PRIMARY KEY,   -- order of creation; given by counters.number and never used again
    id          TEXT NOT NULL UNIQUE,
    source      TEXT NOT NULL,
    directory   TEXT NOT NULL,
    created_at  REAL NOT NULL,
    updated_at  REAL NOT NULL,
    version     INTEGER NOT NULL,
    status      TEXT NOT NULL,
    queue       INTEGER NOT NULL,
    priority    INTEGER NOT NULL,
    rank        REAL NOT NULL,
    queued_at   REAL NOT NULL,
    host        TEXT NOT NULL,
    session     TEXT,
    key         TEXT NOT NULL,
    want        TEXT,
    owner       TEXT,
    fence       INTEGER NOT NULL,
    lease_until REAL,
    pid         INTEGER,
    attempt     INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    due_at      REAL,
    error       TEXT,                  -- JSON of Failure
    name        TEXT,
    received    INTEGER NOT NULL,
    mark        INTEGER NOT NULL,
    total       INTEGER,
    files_total INTEGER NOT NULL,
    files_done  INTEGER NOT NULL,
    speed_bps   REAL NOT NULL,
    connections INTEGER NOT NULL,
    started_at  REAL,
    finished_at REAL,
    warning     TEXT,
    -- 1: waiting and due; 0: waiting for due_at, becomes 1 when somebody sees that it has passed; NULL: not waiting.
    -- So a thousand tasks that wait for the night are no hurdle on the way to the one that can go now.
    ready       INTEGER,
    lane        INTEGER GENERATED ALWAYS AS (CASE status WHEN 'retrying' THEN 2 ELSE queue END) VIRTUAL
) STRICT;

-- What a user asked for, JSON of TaskSpec without source and directory. Apart from tasks, because a dataset's list of
-- files can be megabytes and tasks are rewritten at every change.
CREATE TABLE specs (
    number INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    spec   TEXT NOT NULL
) STRICT;

CREATE TABLE files (
    number         INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    position       INTEGER NOT NULL,   -- FileState.index
    urls           TEXT NOT NULL,      -- JSON
    path           TEXT,
    size           INTEGER,
    checksum       TEXT,
    status         TEXT NOT NULL,
    part           TEXT,
    published      TEXT,
    etag           TEXT,
    last_modified  TEXT,
    date_is_strong INTEGER NOT NULL,
    content_type   TEXT,
    resumable      INTEGER,
    attempts       INTEGER NOT NULL,
    error          TEXT,
    verified_by    TEXT,
    PRIMARY KEY (number, position)
) STRICT, WITHOUT ROWID;

-- What of a file is durably on disk: rewritten at each checkpoint, one row for each file that has something.
CREATE TABLE segments (
    number        INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    received      INTEGER NOT NULL,
    extents       BLOB NOT NULL,       -- pairs of little-endian 64-bit integers: start, end
    block_size    INTEGER NOT NULL,
    block_hashes  BLOB NOT NULL,       -- 8 bytes a block
    part_mtime_ns INTEGER,
    PRIMARY KEY (number, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,   -- given by counters.event and never used again
    at          REAL NOT NULL,
    version     INTEGER NOT NULL,
    kind        TEXT NOT NULL,         -- task_status_changed or runtime_warning
    task_id     TEXT,
    number      INTEGER,               -- of the task, as long as that is known
    from_status TEXT,
    to_status   TEXT,
    reason      TEXT NOT NULL,         -- of a warning: its code
    detail      TEXT                   -- JSON of Failure; of a warning: its message
) STRICT;

CREATE TABLE workers (
    id           TEXT PRIMARY KEY,
    host         TEXT NOT NULL,
    boot_id      TEXT NOT NULL,
    pid          INTEGER NOT NULL,
    started      TEXT NOT NULL,
    seen_at      REAL NOT NULL,
    serves_queue INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('lowest_rank', 0.0), ('opened_by', '');
INSERT INTO counters VALUES
    ('number', 0), ('event', 0),
    ('pending', 0), ('scheduled', 0), ('running', 0), ('pausing', 0), ('paused', 0), ('completing', 0),
    ('completed', 0), ('retrying', 0), ('failed', 0), ('cancelled', 0);

-- How many tasks are in each status, kept by the database itself so that it cannot drift.
CREATE TRIGGER count_added AFTER INSERT ON tasks BEGIN
    UPDATE counters SET value = value + 1 WHERE name = new.status;
END;
CREATE TRIGGER count_removed AFTER DELETE ON tasks BEGIN
    UPDATE counters SET value = value - 1 WHERE name = old.status;
END;
CREATE TRIGGER count_moved AFTER UPDATE OF status ON tasks WHEN old.status <> new.status BEGIN
    UPDATE counters SET value = value - 1 WHERE name = old.status;
    UPDATE counters SET value = value + 1 WHERE name = new.status;
END;

-- Every index ends with number, the rowid.
CREATE INDEX tasks_by_status ON tasks (status);
CREATE INDEX tasks_by_host ON tasks (host, status);
CREATE INDEX tasks_by_key ON tasks (key) WHERE key <> '';
CREATE INDEX tasks_by_session ON tasks (session) WHERE session IS NOT NULL;
CREATE INDEX tasks_active ON tasks (lease_until, owner) WHERE status IN ('scheduled', 'running', 'pausing', 'completing');
CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_due ON tasks (session, due_at) WHERE ready IS NOT NULL AND due_at IS NOT NULL;
CREATE INDEX tasks_unready ON tasks (due_at) WHERE ready = 0;
-- The scheduler's four views of the waiting tasks: best first and oldest first, of all hosts and host by host (when
-- some hosts are at their limit, their backlog must not be walked through to find the others').
CREATE INDEX ready_best ON tasks (session, lane, priority DESC, rank, host) WHERE ready = 1;
CREATE INDEX ready_oldest ON tasks (session, lane, queued_at, host) WHERE ready = 1;
CREATE INDEX ready_host_best ON tasks (session, lane, host, priority DESC, rank) WHERE ready = 1;
CREATE INDEX ready_host_oldest ON tasks (session, lane, host, queued_at) WHERE ready = 1;
CREATE INDEX events_by_task ON events (number) WHERE number IS NOT NULL;

-- The queue with the columns that tools written for a plain download table expect.
CREATE VIEW download_queue AS
SELECT
    id,
    source AS url,
    directory AS target_directory,
    name AS filename,
    status,
    CASE
        WHEN status = 'completed' THEN 100.0
        WHEN total > 0 THEN min(100.0, 100.0 * received / total)
    END AS progress_percent,
    received || ' of ' || coalesce(total, 'unknown') || ' bytes, '
        || files_done || ' of ' || files_total || ' files' AS progress_summary,
    attempt AS retry_count,
    max_retries,
    CASE status WHEN 'retrying' THEN due_at END AS next_retry_at,
    pid,
    created_at,
    updated_at
FROM tasks;
