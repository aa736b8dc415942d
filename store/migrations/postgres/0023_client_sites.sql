-- What clients show of themselves from sites of their own: where we look, what we have seen there,
-- and when we look again.
CREATE TABLE client_sites (
    tenant_id  TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind = 'logo' OR kind = 'domain'),
    named      TEXT    NOT NULL,
    logo_hash  BYTEA,
    good_until BIGINT,
    problem    TEXT,
    looked_at  BIGINT,
    due_at     BIGINT  NOT NULL,
    attempts   BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, client_id, kind),
    CHECK (logo_hash IS NULL OR (kind = 'logo' AND good_until IS NOT NULL))
);
CREATE INDEX client_sites_by_due ON client_sites (due_at);
INSERT INTO client_sites (tenant_id, client_id, kind, named, due_at, attempts)
    SELECT tenant_id, client_id, 'logo', document::json ->> 'logo_uri', 0, 0
    FROM clients WHERE document::json ->> 'logo_uri' LIKE 'https://%'
        AND length(document::json ->> 'logo_uri') <= 2048;

-- The pictures themselves, named by what they are. Contents that were signed name them.
CREATE TABLE logos (
    tenant_id  TEXT    NOT NULL,
    hash       BYTEA   NOT NULL,
    media_type TEXT    NOT NULL,
    picture    BYTEA   NOT NULL,
    expires_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX logos_by_expiry ON logos (expires_at);
