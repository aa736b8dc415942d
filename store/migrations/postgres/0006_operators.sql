-- People who may use the console of a tenant. The id is the user handle of their passkeys.
CREATE TABLE operators (
    tenant_id  TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX operators_by_name ON operators (tenant_id, name);

-- One-time links: printed where the server runs, good for one sign-in.
CREATE TABLE operator_links (
    tenant_id   TEXT    NOT NULL,
    hash        BYTEA   NOT NULL,
    operator_id TEXT    NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX operator_links_by_expiry ON operator_links (expires_at);

-- Of a session's token only the SHA-256 is kept.
CREATE TABLE operator_sessions (
    tenant_id   TEXT    NOT NULL,
    hash        BYTEA   NOT NULL,
    operator_id TEXT    NOT NULL,
    method      TEXT    NOT NULL CHECK (method IN ('link', 'passkey')),
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX operator_sessions_by_operator ON operator_sessions (tenant_id, operator_id);
CREATE INDEX operator_sessions_by_expiry ON operator_sessions (expires_at);

-- `id_hash` is the SHA-256 of the credential's id; `document` holds its public key and counter.
CREATE TABLE operator_passkeys (
    tenant_id    TEXT    NOT NULL,
    id_hash      BYTEA   NOT NULL,
    operator_id  TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (tenant_id, id_hash)
);
CREATE INDEX operator_passkeys_by_operator ON operator_passkeys (tenant_id, operator_id);

-- What a passkey was challenged with; taken once.
CREATE TABLE operator_ceremonies (
    tenant_id   TEXT    NOT NULL,
    hash        BYTEA   NOT NULL,
    purpose     TEXT    NOT NULL CHECK (purpose IN ('add', 'sign_in')),
    operator_id TEXT,
    document    TEXT    NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hash),
    CHECK ((purpose = 'add') = (operator_id IS NOT NULL))
);
CREATE INDEX operator_ceremonies_by_expiry ON operator_ceremonies (expires_at);
