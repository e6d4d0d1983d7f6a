-- Small things that a surface wants to find again: idempotency keys, sessions, webhooks and what they have to deliver.
CREATE TABLE records (
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    expires_at REAL,                   -- as if it were not there from then on
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX records_expiring ON records (expires_at) WHERE expires_at IS NOT NULL;
