-- What clients show of themselves from sites of their own: where we look, what we have seen there,
-- and when we look again.
CREATE TABLE client_sites (
    tenant_id  TEXT    NOT NULL,
    client_id  TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind = 'logo' OR kind = 'domain'),
    named      TEXT    NOT NULL,
    logo_hash  BLOB,
    good_until INTEGER,
    problem    TEXT,
    looked_at  INTEGER,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, client_id, kind),
    CHECK (logo_hash IS NULL OR (kind = 'logo' AND good_until IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX client_sites_by_due ON client_sites (due_at);
INSERT INTO client_sites (tenant_id, client_id, kind, named, due_at, attempts)
    SELECT tenant_id, client_id, 'logo', json_extract(document, '$.logo_uri'), 0, 0
    FROM clients WHERE json_extract(document, '$.logo_uri') LIKE 'https://%'
        AND length(json_extract(document, '$.logo_uri')) <= 2048;

-- The pictures themselves, named by what they are. Contents that were signed name them.
CREATE TABLE logos (
    tenant_id  TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    media_type TEXT    NOT NULL,
    picture    BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hash)
) STRICT;
CREATE INDEX logos_by_expiry ON logos (expires_at);
