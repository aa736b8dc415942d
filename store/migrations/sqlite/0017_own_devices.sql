-- Devices of our own dialect (`inbox`) stand beside Guardian's, with their channel and language.
-- SQLite cannot change a CHECK, so the table is made anew.
CREATE TABLE enrollments_0017 (
    tenant_id    TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    identifier   TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    push_service TEXT    NOT NULL CHECK
        (push_service = 'APNS' OR push_service = 'GCM' OR push_service = 'virtual'
            OR push_service = 'inbox'),
    push_token   TEXT,
    public_jwk   TEXT    NOT NULL,
    token_hash   BLOB    NOT NULL,
    base_url     TEXT    NOT NULL,
    enrolled_at  INTEGER NOT NULL,
    last_auth_at INTEGER,
    channel      TEXT,
    locale       TEXT,
    PRIMARY KEY (tenant_id, id),
    CHECK ((push_service = 'inbox') = (channel IS NOT NULL)),
    CHECK ((push_service = 'inbox') = (locale IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO enrollments_0017
    SELECT tenant_id, id, user_id, identifier, name, push_service, push_token, public_jwk,
        token_hash, base_url, enrolled_at, last_auth_at, NULL, NULL
    FROM enrollments;
DROP TABLE enrollments;
ALTER TABLE enrollments_0017 RENAME TO enrollments;
CREATE INDEX enrollments_by_user ON enrollments (tenant_id, user_id, enrolled_at, id);

-- The device that is gone once the ticket's own is there.
ALTER TABLE tickets ADD COLUMN replaces TEXT;

-- The clients that a person reported, each between spaces: they ask in vain.
ALTER TABLE users ADD COLUMN refused_clients TEXT;

-- What each device of our own dialect is asked. A request that asks none has no row.
CREATE TABLE inbox (
    tenant_id     TEXT    NOT NULL,
    device_id     TEXT    NOT NULL,
    consent_id    TEXT    NOT NULL,
    auth_req_hash BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, device_id, consent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_by_time ON inbox (tenant_id, device_id, created_at, consent_id);
CREATE INDEX inbox_by_expiry ON inbox (expires_at);

-- What a device was shown, byte by byte: what its decision is over.
CREATE TABLE contents (
    tenant_id     TEXT    NOT NULL,
    auth_req_hash BLOB    NOT NULL,
    locale        TEXT    NOT NULL,
    hash          TEXT    NOT NULL,
    content       TEXT    NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, auth_req_hash, locale)
) STRICT, WITHOUT ROWID;
CREATE INDEX contents_by_expiry ON contents (expires_at);

-- Keys that do not rotate with those of tokens: `content` is pinned by devices, `receipt` signs
-- what must verify for ever.
CREATE TABLE issuer_keys (
    tenant_id      TEXT    NOT NULL,
    purpose        TEXT    NOT NULL CHECK (purpose = 'content' OR purpose = 'receipt'),
    kid            TEXT    NOT NULL,
    public_jwk     TEXT    NOT NULL,
    sealed_private BLOB    NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, purpose)
) STRICT, WITHOUT ROWID;

-- Receipts of decisions in our own dialect, and which decision it was.
CREATE TABLE receipts (
    tenant_id     TEXT    NOT NULL,
    txn           TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    device_id     TEXT    NOT NULL,
    decision_hash BLOB    NOT NULL,
    receipt       TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, txn)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_expiry ON receipts (expires_at);
