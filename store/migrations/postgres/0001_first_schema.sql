-- Times are Unix milliseconds. Booleans are 0 or 1. Documents are JSON text.
-- What is only compared is kept as SHA-256; what must be read again is sealed.

CREATE TABLE tenants (
    id           TEXT    NOT NULL PRIMARY KEY,
    display_name TEXT    NOT NULL,
    settings     TEXT    NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE tenant_hosts (
    host      TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL
);

CREATE TABLE signing_keys (
    tenant_id      TEXT    NOT NULL,
    kid            TEXT    NOT NULL,
    alg            TEXT    NOT NULL,
    stage          TEXT    NOT NULL CHECK (stage IN ('next', 'current', 'retired')),
    public_jwk     TEXT    NOT NULL,
    sealed_private BYTEA    NOT NULL,
    created_at     BIGINT NOT NULL,
    retired_at     BIGINT,
    PRIMARY KEY (tenant_id, kid),
    CHECK ((stage = 'retired') = (retired_at IS NOT NULL))
);

-- Of two nodes that make a first or a next key at once, one does.
CREATE UNIQUE INDEX signing_keys_by_stage
    ON signing_keys (tenant_id, alg, stage) WHERE stage <> 'retired';

CREATE TABLE clients (
    tenant_id   TEXT    NOT NULL,
    client_id   TEXT    NOT NULL,
    secret_hash BYTEA,
    document    TEXT    NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);

CREATE TABLE client_credentials (
    tenant_id  TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX client_credentials_by_client ON client_credentials (tenant_id, client_id);

CREATE TABLE resource_servers (
    tenant_id  TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    identifier TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX resource_servers_by_identifier ON resource_servers (tenant_id, identifier);

CREATE TABLE client_grants (
    tenant_id    TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    client_id    TEXT    NOT NULL,
    audience     TEXT    NOT NULL,
    subject_type TEXT    NOT NULL CHECK (subject_type IN ('client', 'user')),
    document     TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX client_grants_by_client
    ON client_grants (tenant_id, client_id, audience, subject_type);

-- `enrollment_turn` counts enrollments that demanded to be the only one: of two at once, one wins.
CREATE TABLE users (
    tenant_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    email      TEXT,
    name       TEXT,
    blocked    BIGINT NOT NULL CHECK (blocked IN (0, 1)),
    document   TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    enrollment_turn BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, user_id)
);
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
);
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
    push_service TEXT    NOT NULL CHECK (push_service IN ('APNS', 'GCM', 'virtual')),
    push_token   TEXT,
    public_jwk   TEXT    NOT NULL,
    token_hash   BYTEA    NOT NULL,
    base_url     TEXT    NOT NULL,
    enrolled_at  BIGINT NOT NULL,
    last_auth_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX enrollments_by_user ON enrollments (tenant_id, user_id, enrolled_at, id);

-- `web`: the ticket of an administrator, five days. `tx`: the one in a QR code, five minutes.
CREATE TABLE tickets (
    tenant_id      TEXT    NOT NULL,
    hash           BYTEA    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('web', 'tx')),
    user_id        TEXT    NOT NULL,
    parent         BYTEA,
    enrollment_id  TEXT,
    allow_multiple BIGINT NOT NULL CHECK (allow_multiple IN (0, 1)),
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    used_at        BIGINT,
    PRIMARY KEY (tenant_id, hash),
    CHECK ((kind = 'tx') = (enrollment_id IS NOT NULL))
);
CREATE INDEX tickets_by_user ON tickets (tenant_id, user_id);
CREATE UNIQUE INDEX tickets_by_enrollment
    ON tickets (tenant_id, enrollment_id) WHERE enrollment_id IS NOT NULL;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- One row holds the whole transaction (architecture 2).
CREATE TABLE transactions (
    tenant_id       TEXT    NOT NULL,
    auth_req_hash   BYTEA    NOT NULL,
    txn             BYTEA    NOT NULL,
    name_version    BIGINT NOT NULL,
    consent_id      TEXT    NOT NULL,
    txtkn_hash      BYTEA,
    client_id       TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    request         TEXT    NOT NULL,
    challenges      TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK
        (state IN ('pending', 'approved', 'denied', 'withdrawn', 'failed', 'redeemed')),
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    interval_s      BIGINT NOT NULL,
    last_poll_at    BIGINT,
    slowed_at       BIGINT,
    consent_read_at BIGINT,
    decided_at      BIGINT,
    decided_by      TEXT,
    reason          TEXT,
    redeemed_at     BIGINT,
    redemption      BYTEA,
    push_due_at     BIGINT,
    push_attempts   BIGINT NOT NULL,
    logged_refusal  TEXT,
    PRIMARY KEY (tenant_id, auth_req_hash),
    CHECK ((state = 'pending') = (decided_at IS NULL)),
    CHECK ((state = 'redeemed') = (redeemed_at IS NOT NULL)),
    CHECK (state NOT IN ('approved', 'denied', 'redeemed') OR decided_by IS NOT NULL),
    CHECK (expires_at > created_at)
);
CREATE UNIQUE INDEX transactions_by_txtkn
    ON transactions (tenant_id, txtkn_hash) WHERE txtkn_hash IS NOT NULL;
CREATE INDEX transactions_by_expiry ON transactions (expires_at);
CREATE INDEX transactions_with_pushes ON transactions (push_due_at) WHERE push_due_at IS NOT NULL;

-- When an undecided request was last polled, where many nodes are asked; lost in a crash, which
-- costs nothing but one `slow_down`. With SQLite the one process remembers it.
CREATE UNLOGGED TABLE polls (
    tenant_id     TEXT    NOT NULL,
    auth_req_hash BYTEA   NOT NULL,
    last_poll_at  BIGINT  NOT NULL,
    interval_s    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, auth_req_hash)
);
CREATE INDEX polls_by_expiry ON polls (expires_at);

-- The transaction tokens of a user's second and further devices; the first stands in the row.
CREATE TABLE further_txtkns (
    tenant_id     TEXT    NOT NULL,
    txtkn_hash    BYTEA    NOT NULL,
    auth_req_hash BYTEA    NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, txtkn_hash)
);
CREATE INDEX further_txtkns_by_expiry ON further_txtkns (expires_at);

-- The newest starts for one user, newest first, 13 digits each (Unix milliseconds).
CREATE TABLE user_limits (
    tenant_id TEXT    NOT NULL,
    user_id   TEXT    NOT NULL,
    starts    TEXT    NOT NULL,
    newest_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE TABLE idempotency_keys (
    tenant_id     TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    key_hash      BYTEA    NOT NULL,
    body_hash     BYTEA    NOT NULL,
    auth_req_hash BYTEA    NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id, key_hash)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE refresh_tokens (
    tenant_id      TEXT    NOT NULL,
    hash           BYTEA    NOT NULL,
    id             TEXT    NOT NULL,
    family         TEXT    NOT NULL,
    client_id      TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    grant_document TEXT    NOT NULL,
    created_at     BIGINT NOT NULL,
    last_used_at   BIGINT,
    idle_expires_at BIGINT,
    expires_at     BIGINT,
    rotated_at     BIGINT,
    revoked_at     BIGINT,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (tenant_id, family);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (tenant_id, user_id);
CREATE INDEX refresh_tokens_by_expiry
    ON refresh_tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Opaque access tokens: those without an API, good for /userinfo (WD21).
CREATE TABLE access_tokens (
    tenant_id  TEXT    NOT NULL,
    hash       BYTEA    NOT NULL,
    client_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    family     TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

-- What may be seen only once: `jti` of client assertions and of consent proofs.
CREATE TABLE replays (
    tenant_id  TEXT    NOT NULL,
    hash       BYTEA    NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX replays_by_expiry ON replays (expires_at);

CREATE TABLE log_events (
    tenant_id TEXT    NOT NULL,
    id        BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    type      TEXT    NOT NULL,
    client_id TEXT,
    user_id   TEXT,
    document  TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX log_events_by_user
    ON log_events (tenant_id, user_id, id) WHERE user_id IS NOT NULL;

-- Work that one node at a time does: sweeping, rotating keys.
CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    holder     TEXT    NOT NULL,
    expires_at BIGINT NOT NULL
);
