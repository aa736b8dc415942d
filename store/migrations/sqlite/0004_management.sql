-- What administrators keep beside a refresh token, and its look-up by public name, which stays the
-- same when the token rotates. A signing key that was revoked is listed and no longer published.

ALTER TABLE refresh_tokens ADD COLUMN metadata TEXT;
CREATE INDEX refresh_tokens_by_id ON refresh_tokens (tenant_id, id);

ALTER TABLE signing_keys ADD COLUMN revoked_at INTEGER;

-- A host name that a tenant wants to be reached by. Once it is `ready`, `tenant_hosts` has it.
CREATE TABLE custom_domains (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    domain      TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('pending_verification', 'ready')),
    api_key_hash BLOB,
    document    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX custom_domains_by_domain ON custom_domains (tenant_id, domain);
