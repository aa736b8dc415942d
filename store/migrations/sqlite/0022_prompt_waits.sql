-- Where an administrator lets waits grow: how long a client waits before it asks a person again,
-- from the end of its last request.
CREATE TABLE prompt_waits (
    tenant_id  TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    wait_ms    INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_waits_by_expiry ON prompt_waits (expires_at);
