-- Where an administrator lets waits grow: how long a client waits before it asks a person again,
-- from the end of its last request.
CREATE TABLE prompt_waits (
    tenant_id  TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    wait_ms    BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id, user_id)
);
CREATE INDEX prompt_waits_by_expiry ON prompt_waits (expires_at);
