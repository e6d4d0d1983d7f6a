-- Named statements. What stands in {braces} is put in by the code that names the statement: columns, conditions,
-- placeholders, never a value. {tasks} is the list of a task's columns.

-- name: task_by_id
SELECT {tasks} FROM tasks JOIN specs USING (number) WHERE id IN (SELECT value FROM json_each(?1))

-- name: task_by_number
SELECT {tasks} FROM tasks JOIN specs USING (number) WHERE number IN (SELECT value FROM json_each(?1)) ORDER BY number

-- name: ids_by_key -> 2
SELECT key, id FROM tasks
WHERE key <> '' AND key IN (SELECT value FROM json_each(?1)) AND status NOT IN ('completed', 'failed', 'cancelled')

-- name: finished_by_key
SELECT {tasks} FROM tasks JOIN specs USING (number)
WHERE number IN (
    SELECT (SELECT number FROM tasks WHERE key = wanted.value AND key <> '' AND status IN ('completed', 'failed', 'cancelled')
            ORDER BY number DESC LIMIT 1)
    FROM json_each(?1) AS wanted)

-- name: id_by_prefix -> 1
SELECT id FROM tasks WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3

-- name: files_of -> 23
SELECT tasks.id, position, urls, path, size, checksum, files.status, part, published, etag, last_modified,
       date_is_strong, content_type, resumable, attempts, files.error, verified_by,
       segments.received, hex(extents), block_size, hex(block_hashes), part_mtime_ns, memo
FROM (SELECT value AS id FROM json_each(?1)) AS wanted CROSS JOIN tasks USING (id) CROSS JOIN files USING (number)
     LEFT JOIN segments USING (number, position)
ORDER BY number, position

-- name: kept -> 4
SELECT directory, published, size, part_mtime_ns
FROM files JOIN tasks USING (number) LEFT JOIN segments USING (number, position)
WHERE checksum = ?1 AND checksum IS NOT NULL AND files.status = 'done' AND published IS NOT NULL
ORDER BY number DESC, position LIMIT ?2

-- name: branch
SELECT * FROM (SELECT number FROM tasks WHERE {conditions} ORDER BY number {order} LIMIT :limit)

-- name: page
SELECT {tasks} FROM tasks JOIN specs USING (number)
WHERE number IN (SELECT number FROM ({branches}) ORDER BY number {order} LIMIT :limit)
ORDER BY number {order}

-- name: sorted_page
SELECT {tasks} FROM (
    SELECT number FROM {table} WHERE {conditions} ORDER BY {key} {order}, number {order} LIMIT :limit
) AS chosen CROSS JOIN tasks USING (number) JOIN specs USING (number)
ORDER BY {key} {order}, number {order}

-- name: counts -> 2
SELECT name, value FROM counters

-- name: depths -> 2
-- In two parts, each of which an index covers: the tasks that do not wait are many more.
SELECT lane, sum(waiting) FROM (
    SELECT lane, count(*) AS waiting FROM tasks WHERE ready = 1 GROUP BY lane
    UNION ALL
    SELECT lane, count(*) FROM tasks WHERE ready = 0 GROUP BY lane)
GROUP BY lane

-- name: lowest_rank
SELECT value FROM meta WHERE name = 'lowest_rank'

-- name: ready -> 10
SELECT id, version, status, lane, priority, rank, queued_at, tasks.host, directory, due_at
FROM (SELECT number, host FROM tasks
      WHERE ready = 1 AND session IS :session AND lane = :lane ORDER BY {order}, number LIMIT :budget) AS front
     CROSS JOIN tasks USING (number)
WHERE front.host NOT IN (SELECT value FROM json_each(:full)) AND (due_at IS NULL OR due_at <= :now)
LIMIT :limit

-- name: ready_by_host -> 10
-- Only the hosts whose first task is among the first of all first tasks can have one of the tasks that are wanted.
WITH RECURSIVE
hosts (host) AS (
    SELECT min(host) FROM tasks INDEXED BY {index} WHERE ready = 1 AND session IS :session AND lane = :lane
    UNION ALL
    SELECT (SELECT min(next.host) FROM tasks AS next INDEXED BY {index}
            WHERE next.ready = 1 AND next.session IS :session AND next.lane = :lane AND next.host > hosts.host)
    FROM hosts WHERE hosts.host IS NOT NULL
),
heads (host, number) AS (
    SELECT host, (SELECT number FROM tasks INDEXED BY {index}
                  WHERE ready = 1 AND session IS :session AND lane = :lane AND host = hosts.host
                  ORDER BY {order}, number LIMIT 1)
    FROM hosts WHERE host IS NOT NULL AND host NOT IN (SELECT value FROM json_each(:full))
),
first_hosts (host) AS (
    SELECT heads.host FROM heads CROSS JOIN tasks USING (number) ORDER BY {order}, number LIMIT :limit
)
SELECT id, version, status, lane, priority, rank, queued_at, tasks.host, directory, due_at
FROM first_hosts CROSS JOIN tasks
     ON number IN (SELECT number FROM tasks INDEXED BY {index}
                   WHERE ready = 1 AND session IS :session AND lane = :lane AND host = first_hosts.host
                   ORDER BY {order}, number LIMIT :limit)
WHERE due_at IS NULL OR due_at <= :now
ORDER BY {order}, number LIMIT :limit

-- name: some_are_due
SELECT 1 FROM tasks WHERE ready = 0 AND due_at <= ?1 LIMIT 1

-- name: make_ready
UPDATE tasks SET ready = 1
WHERE number IN (SELECT number FROM tasks WHERE ready = 0 AND due_at <= ?1 ORDER BY due_at LIMIT ?2)

-- name: next_due
SELECT min(due_at) FROM tasks
WHERE ready IS NOT NULL AND due_at IS NOT NULL AND session IS :session AND due_at > :now

-- name: reapable -> 1
SELECT number FROM tasks INDEXED BY tasks_active
WHERE status IN ('scheduled', 'running', 'pausing', 'completing')
  AND (lease_until IS NULL OR lease_until < :now OR owner IN (SELECT value FROM json_each(:dead)))
ORDER BY number LIMIT :limit

-- name: events -> 9
SELECT seq, at, version, kind, task_id, from_status, to_status, reason, detail
FROM events WHERE seq > :after ORDER BY seq LIMIT :limit

-- name: events_of_task -> 9
SELECT seq, at, version, kind, task_id, from_status, to_status, reason, detail
FROM events WHERE number = (SELECT number FROM tasks WHERE id = :task_id) AND seq > :after ORDER BY seq LIMIT :limit

-- name: events_of_removed -> 9
SELECT seq, at, version, kind, task_id, from_status, to_status, reason, detail
FROM events WHERE task_id = :task_id AND seq > :after ORDER BY seq LIMIT :limit

-- name: task_exists
SELECT 1 FROM tasks WHERE id = ?1

-- name: setting
SELECT value FROM settings WHERE name = ?1

-- name: put_setting
INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: drop_setting
DELETE FROM settings WHERE name = ?1

-- name: workers -> 7
SELECT id, host, boot_id, pid, started, seen_at, serves_queue FROM workers ORDER BY id

-- name: put_worker
INSERT OR REPLACE INTO workers (id, host, boot_id, pid, started, seen_at, serves_queue) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: see_worker
UPDATE workers SET seen_at = ?2 WHERE id = ?1

-- name: drop_worker
DELETE FROM workers WHERE id = ?1

-- name: leave_session
UPDATE tasks SET session = NULL WHERE session = ?1

-- name: keep_record
INSERT INTO records (kind, name, value, expires_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
WHERE records.expires_at <= ?5

-- name: put_record
INSERT OR REPLACE INTO records (kind, name, value, expires_at) VALUES (?1, ?2, ?3, ?4)

-- name: record -> 4
SELECT kind, name, value, expires_at FROM records WHERE kind = ?1 AND name = ?2

-- name: records -> 4
SELECT kind, name, value, expires_at FROM records
WHERE kind = ?1 AND name > ?2 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY name LIMIT ?4

-- name: drop_record
DELETE FROM records WHERE kind = ?1 AND name = ?2

-- name: drop_expired
DELETE FROM records WHERE (kind, name) IN (SELECT kind, name FROM records WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)

-- name: purgeable -> 1
SELECT number FROM tasks
WHERE finished_at IS NOT NULL AND finished_at < :before AND status IN (SELECT value FROM json_each(:statuses))
ORDER BY finished_at, number LIMIT :limit

-- name: purge_events
DELETE FROM events WHERE at < :before AND seq IN (SELECT seq FROM events ORDER BY seq LIMIT :limit)

-- name: drop_tasks
DELETE FROM tasks WHERE number IN (SELECT value FROM json_each(?1))

-- name: drop_files
DELETE FROM files WHERE number IN (SELECT value FROM json_each(?1))

-- name: drop_segments
DELETE FROM segments WHERE number IN (SELECT value FROM json_each(?1))

-- name: drop_segment
DELETE FROM segments WHERE number = ?1 AND position = ?2

-- name: put_counter
UPDATE counters SET value = ?2 WHERE name = ?1

-- name: put_lowest_rank
UPDATE meta SET value = min(value, ?1) WHERE name = 'lowest_rank'

-- name: insert
INSERT INTO {table} ({columns}) SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL

-- name: upsert
-- A row that is the same already is not written.
INSERT INTO {table} ({columns}) SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL
ON CONFLICT (number, position) DO UPDATE SET {assignments}
WHERE ({old}) IS NOT ({new})

-- name: update_tasks
UPDATE tasks SET {assignments} FROM (VALUES {rows}) AS fresh WHERE tasks.number = fresh.column1

-- name: update_spec
UPDATE specs SET spec = ?2 WHERE number = ?1

-- name: opened
UPDATE meta SET value = ?1 WHERE name = 'opened_by'
