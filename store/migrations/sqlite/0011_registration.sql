-- What lets somebody register a client: made by an administrator, good for a while and some uses.
-- `metadata` is a JSON text that is laid over what such a client says.
CREATE TABLE initial_tokens (
    tenant_id  TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    id         TEXT    NOT NULL,
    metadata   TEXT    NOT NULL,
    uses_left  INTEGER NOT NULL CHECK (uses_left >= 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX initial_tokens_by_expiry ON initial_tokens (expires_at);

-- Clients that registered themselves, and the token by which each looks after itself.
CREATE TABLE registrations (
    tenant_id  TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
) STRICT, WITHOUT ROWID;
