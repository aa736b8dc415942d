-- Times are Unix milliseconds. Booleans are 0 or 1. Documents are JSON text.
-- What is only compared is kept as SHA-256; what must be read again is sealed.
-- `a = 'x' OR a = 'y'` and not `a IN (…)`: for a list of three SQLite fills a table at every write.

CREATE TABLE tenants (
    id           TEXT    NOT NULL PRIMARY KEY,
    display_name TEXT    NOT NULL,
    settings     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_hosts (
    host      TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    tenant_id      TEXT    NOT NULL,
    kid            TEXT    NOT NULL,
    alg            TEXT    NOT NULL,
    stage          TEXT    NOT NULL CHECK
        (stage = 'next' OR stage = 'current' OR stage = 'retired'),
    public_jwk     TEXT    NOT NULL,
    sealed_private BLOB    NOT NULL,
    created_at     INTEGER NOT NULL,
    retired_at     INTEGER,
    PRIMARY KEY (tenant_id, kid),
    CHECK ((stage = 'retired') = (retired_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Of two nodes that make a first or a next key at once, one does.
CREATE UNIQUE INDEX signing_keys_by_stage
    ON signing_keys (tenant_id, alg, stage) WHERE stage <> 'retired';

CREATE TABLE clients (
    tenant_id   TEXT    NOT NULL,
    client_id   TEXT    NOT NULL,
    secret_hash BLOB,
    document    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_credentials (
    tenant_id  TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_credentials_by_client ON client_credentials (tenant_id, client_id);

CREATE TABLE resource_servers (
    tenant_id  TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    identifier TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX resource_servers_by_identifier ON resource_servers (tenant_id, identifier);

CREATE TABLE client_grants (
    tenant_id    TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    client_id    TEXT    NOT NULL,
    audience     TEXT    NOT NULL,
    subject_type TEXT    NOT NULL CHECK (subject_type IN ('client', 'user')),
    document     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX client_grants_by_client
    ON client_grants (tenant_id, client_id, audience, subject_type);

-- `enrollment_turn` counts enrollments that demanded to be the only one: of two at once, one wins.
CREATE TABLE users (
    tenant_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    email      TEXT,
    name       TEXT,
    blocked    INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    document   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    enrollment_turn INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_email ON users (tenant_id, email) WHERE email IS NOT NULL;
CREATE INDEX users_by_creation ON users (tenant_id, created_at, user_id);

-- An identity belongs to one user; an address or user name to one identity of its connection.
CREATE TABLE user_identities (
    tenant_id   TEXT NOT NULL,
    connection  TEXT NOT NULL,
    identity_id TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    email       TEXT,
    PRIMARY KEY (tenant_id, connection, identity_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX user_identities_by_email
    ON user_identities (tenant_id, connection, email) WHERE email IS NOT NULL;
CREATE INDEX user_identities_by_user ON user_identities (tenant_id, user_id);

-- Confirmed devices only: one that is still pending is its ticket (GD13).
CREATE TABLE enrollments (
    tenant_id    TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    identifier   TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    push_service TEXT    NOT NULL CHECK
        (push_service = 'APNS' OR push_service = 'GCM' OR push_service = 'virtual'),
    push_token   TEXT,
    public_jwk   TEXT    NOT NULL,
    token_hash   BLOB    NOT NULL,
    base_url     TEXT    NOT NULL,
    enrolled_at  INTEGER NOT NULL,
    last_auth_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX enrollments_by_user ON enrollments (tenant_id, user_id, enrolled_at, id);

-- `web`: the ticket of an administrator, five days. `tx`: the one in a QR code, five minutes.
CREATE TABLE tickets (
    tenant_id      TEXT    NOT NULL,
    hash           BLOB    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('web', 'tx')),
    user_id        TEXT    NOT NULL,
    parent         BLOB,
    enrollment_id  TEXT,
    allow_multiple INTEGER NOT NULL CHECK (allow_multiple IN (0, 1)),
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    used_at        INTEGER,
    PRIMARY KEY (tenant_id, hash),
    CHECK ((kind = 'tx') = (enrollment_id IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX tickets_by_user ON tickets (tenant_id, user_id);
CREATE UNIQUE INDEX tickets_by_enrollment
    ON tickets (tenant_id, enrollment_id) WHERE enrollment_id IS NOT NULL;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- One row holds the whole transaction (architecture 2).
CREATE TABLE transactions (
    tenant_id       TEXT    NOT NULL,
    auth_req_hash   BLOB    NOT NULL,
    txn             BLOB    NOT NULL,
    name_version    INTEGER NOT NULL,
    consent_id      TEXT    NOT NULL,
    txtkn_hash      BLOB,
    client_id       TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    request         TEXT    NOT NULL,
    challenges      TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK
        (state = 'pending' OR state = 'approved' OR state = 'denied' OR state = 'withdrawn'
            OR state = 'failed' OR state = 'redeemed'),
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    interval_s      INTEGER NOT NULL,
    last_poll_at    INTEGER,
    slowed_at       INTEGER,
    consent_read_at INTEGER,
    decided_at      INTEGER,
    decided_by      TEXT,
    reason          TEXT,
    redeemed_at     INTEGER,
    redemption      BLOB,
    push_due_at     INTEGER,
    push_attempts   INTEGER NOT NULL,
    logged_refusal  TEXT,
    PRIMARY KEY (tenant_id, auth_req_hash),
    CHECK ((state = 'pending') = (decided_at IS NULL)),
    CHECK ((state = 'redeemed') = (redeemed_at IS NOT NULL)),
    CHECK (decided_by IS NOT NULL
        OR (state <> 'approved' AND state <> 'denied' AND state <> 'redeemed')),
    CHECK (expires_at > created_at)
) STRICT;
CREATE UNIQUE INDEX transactions_by_txtkn
    ON transactions (tenant_id, txtkn_hash) WHERE txtkn_hash IS NOT NULL;
CREATE INDEX transactions_by_expiry ON transactions (expires_at);
CREATE INDEX transactions_with_pushes ON transactions (push_due_at) WHERE push_due_at IS NOT NULL;

-- When an undecided request was last polled, where many nodes are asked; lost in a crash, which
-- costs nothing but one `slow_down`. With SQLite the one process remembers it.
CREATE TABLE polls (
    tenant_id     TEXT    NOT NULL,
    auth_req_hash BLOB    NOT NULL,
    last_poll_at  INTEGER NOT NULL,
    interval_s    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, auth_req_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX polls_by_expiry ON polls (expires_at);

-- The transaction tokens of a user's second and further devices; the first stands in the row.
CREATE TABLE further_txtkns (
    tenant_id     TEXT    NOT NULL,
    txtkn_hash    BLOB    NOT NULL,
    auth_req_hash BLOB    NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, txtkn_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX further_txtkns_by_expiry ON further_txtkns (expires_at);

-- The newest starts for one user, newest first, 13 digits each (Unix milliseconds).
CREATE TABLE user_limits (
    tenant_id TEXT    NOT NULL,
    user_id   TEXT    NOT NULL,
    starts    TEXT    NOT NULL,
    newest_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    tenant_id     TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    key_hash      BLOB    NOT NULL,
    body_hash     BLOB    NOT NULL,
    auth_req_hash BLOB    NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, client_id, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE refresh_tokens (
    tenant_id      TEXT    NOT NULL,
    hash           BLOB    NOT NULL,
    id             TEXT    NOT NULL,
    family         TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    grant_document TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    last_used_at   INTEGER,
    idle_expires_at INTEGER,
    expires_at     INTEGER,
    rotated_at     INTEGER,
    revoked_at     INTEGER,
    PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (tenant_id, family);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (tenant_id, user_id);
CREATE INDEX refresh_tokens_by_expiry
    ON refresh_tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Opaque access tokens: those without an API, good for /userinfo (WD21).
CREATE TABLE access_tokens (
    tenant_id  TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    client_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    family     TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

-- What may be seen only once: `jti` of client assertions and of consent proofs.
CREATE TABLE replays (
    tenant_id  TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX replays_by_expiry ON replays (expires_at);

CREATE TABLE log_events (
    tenant_id TEXT    NOT NULL,
    id        INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    type      TEXT    NOT NULL,
    client_id TEXT,
    user_id   TEXT,
    document  TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_events_by_user
    ON log_events (tenant_id, user_id, id) WHERE user_id IS NOT NULL;

-- Work that one node at a time does: sweeping, rotating keys.
CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
