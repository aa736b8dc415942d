-- Devices of our own dialect (`inbox`) stand beside Guardian's, with their channel and language.
ALTER TABLE enrollments ADD COLUMN channel TEXT;
ALTER TABLE enrollments ADD COLUMN locale TEXT;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_push_service_check;
ALTER TABLE enrollments ADD CONSTRAINT enrollments_push_service_check
    CHECK (push_service IN ('APNS', 'GCM', 'virtual', 'inbox'));
ALTER TABLE enrollments ADD CONSTRAINT enrollments_inbox_check
    CHECK ((push_service = 'inbox') = (channel IS NOT NULL)
        AND (push_service = 'inbox') = (locale IS NOT NULL));

-- The device that is gone once the ticket's own is there.
ALTER TABLE tickets ADD COLUMN replaces TEXT;

-- The clients that a person reported, each between spaces: they ask in vain.
ALTER TABLE users ADD COLUMN refused_clients TEXT;

-- What each device of our own dialect is asked. A request that asks none has no row.
CREATE TABLE inbox (
    tenant_id     TEXT    NOT NULL,
    device_id     TEXT    NOT NULL,
    consent_id    TEXT    NOT NULL,
    auth_req_hash BYTEA   NOT NULL,
    created_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, device_id, consent_id)
);
CREATE INDEX inbox_by_time ON inbox (tenant_id, device_id, created_at, consent_id);
CREATE INDEX inbox_by_expiry ON inbox (expires_at);

-- What a device was shown, byte by byte: what its decision is over.
CREATE TABLE contents (
    tenant_id     TEXT    NOT NULL,
    auth_req_hash BYTEA   NOT NULL,
    locale        TEXT    NOT NULL,
    hash          TEXT    NOT NULL,
    content       TEXT    NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, auth_req_hash, locale)
);
CREATE INDEX contents_by_expiry ON contents (expires_at);

-- Keys that do not rotate with those of tokens: `content` is pinned by devices, `receipt` signs
-- what must verify for ever.
CREATE TABLE issuer_keys (
    tenant_id      TEXT    NOT NULL,
    purpose        TEXT    NOT NULL CHECK (purpose = 'content' OR purpose = 'receipt'),
    kid            TEXT    NOT NULL,
    public_jwk     TEXT    NOT NULL,
    sealed_private BYTEA   NOT NULL,
    created_at     BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, purpose)
);

-- Receipts of decisions in our own dialect, and which decision it was.
CREATE TABLE receipts (
    tenant_id     TEXT    NOT NULL,
    txn           TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    device_id     TEXT    NOT NULL,
    decision_hash BYTEA   NOT NULL,
    receipt       TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, txn)
);
CREATE INDEX receipts_by_expiry ON receipts (expires_at);
