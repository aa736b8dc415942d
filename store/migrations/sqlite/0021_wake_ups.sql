-- A third purpose: `web_push` signs pushes to browsers, whose subscriptions are bound to it. SQLite
-- cannot change a CHECK, so the table is made anew.
CREATE TABLE issuer_keys_0021 (
    tenant_id      TEXT    NOT NULL,
    purpose        TEXT    NOT NULL CHECK
        (purpose = 'content' OR purpose = 'receipt' OR purpose = 'web_push'),
    kid            TEXT    NOT NULL,
    public_jwk     TEXT    NOT NULL,
    sealed_private BLOB    NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, purpose)
) STRICT, WITHOUT ROWID;
INSERT INTO issuer_keys_0021
    SELECT tenant_id, purpose, kid, public_jwk, sealed_private, created_at FROM issuer_keys;
DROP TABLE issuer_keys;
ALTER TABLE issuer_keys_0021 RENAME TO issuer_keys;

-- When each device fetched the words of what it is asked.
ALTER TABLE inbox ADD COLUMN opened_at INTEGER;

-- `smtp`: who carries the tenant's mail.
CREATE TABLE push_providers_0021 (
    tenant_id  TEXT NOT NULL,
    provider   TEXT NOT NULL CHECK (provider IN ('apns', 'fcm', 'fcmv1', 'sns', 'smtp')),
    document   TEXT NOT NULL,
    sealed     BLOB,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, provider)
) STRICT, WITHOUT ROWID;
INSERT INTO push_providers_0021
    SELECT tenant_id, provider, document, sealed, updated_at FROM push_providers;
DROP TABLE push_providers;
ALTER TABLE push_providers_0021 RENAME TO push_providers;

-- Mail that is to be sent: `ticket` with a link that is sealed, `wake` for a request that waits.
CREATE TABLE mails (
    tenant_id     TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('ticket', 'wake')),
    user_id       TEXT    NOT NULL,
    auth_req_hash BLOB,
    sealed        BLOB,
    due_at        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((kind = 'ticket') = (sealed IS NOT NULL)),
    CHECK ((kind = 'wake') = (auth_req_hash IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_by_due ON mails (due_at);
CREATE INDEX mails_by_expiry ON mails (expires_at);
