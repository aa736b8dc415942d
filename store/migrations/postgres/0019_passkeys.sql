-- Passkeys of people: they confirm what is decided on a device of our own dialect. `id_hash` is the
-- SHA-256 of the credential's id; `document` holds its public key and counter.
CREATE TABLE passkeys (
    tenant_id    TEXT    NOT NULL,
    id_hash      BYTEA    NOT NULL,
    user_id      TEXT    NOT NULL,
    rp_id        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (tenant_id, id_hash)
);
CREATE INDEX passkeys_by_user ON passkeys (tenant_id, user_id, created_at, id_hash);

-- What a new passkey is challenged with; taken once.
CREATE TABLE passkey_ceremonies (
    tenant_id   TEXT    NOT NULL,
    hash        BYTEA    NOT NULL,
    user_id     TEXT    NOT NULL,
    ticket_hash BYTEA,
    document    TEXT    NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX passkey_ceremonies_by_expiry ON passkey_ceremonies (expires_at);

-- A link that a device made by its proof alone registers no passkey.
ALTER TABLE tickets ADD COLUMN of_device BIGINT NOT NULL DEFAULT 0;
