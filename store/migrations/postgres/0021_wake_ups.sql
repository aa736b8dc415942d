-- A third purpose: `web_push` signs pushes to browsers, whose subscriptions are bound to it. The
-- rows are checked without keeping others from the table, and some rule holds at any time.
ALTER TABLE issuer_keys RENAME CONSTRAINT issuer_keys_purpose_check TO issuer_keys_before_0021;
ALTER TABLE issuer_keys ADD CONSTRAINT issuer_keys_purpose_check
    CHECK (purpose IN ('content', 'receipt', 'web_push')) NOT VALID;
ALTER TABLE issuer_keys VALIDATE CONSTRAINT issuer_keys_purpose_check;
ALTER TABLE issuer_keys DROP CONSTRAINT issuer_keys_before_0021;

-- When each device fetched the words of what it is asked.
ALTER TABLE inbox ADD COLUMN opened_at BIGINT;

-- `smtp`: who carries the tenant's mail.
ALTER TABLE push_providers RENAME CONSTRAINT push_providers_provider_check TO push_providers_before_0021;
ALTER TABLE push_providers ADD CONSTRAINT push_providers_provider_check
    CHECK (provider IN ('apns', 'fcm', 'fcmv1', 'sns', 'smtp')) NOT VALID;
ALTER TABLE push_providers VALIDATE CONSTRAINT push_providers_provider_check;
ALTER TABLE push_providers DROP CONSTRAINT push_providers_before_0021;

-- Mail that is to be sent: `ticket` with a link that is sealed, `wake` for a request that waits.
CREATE TABLE mails (
    tenant_id     TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    kind          TEXT    NOT NULL CHECK (kind IN ('ticket', 'wake')),
    user_id       TEXT    NOT NULL,
    auth_req_hash BYTEA,
    sealed        BYTEA,
    due_at        BIGINT  NOT NULL,
    attempts      BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((kind = 'ticket') = (sealed IS NOT NULL)),
    CHECK ((kind = 'wake') = (auth_req_hash IS NOT NULL))
);
CREATE INDEX mails_by_due ON mails (due_at);
CREATE INDEX mails_by_expiry ON mails (expires_at);
