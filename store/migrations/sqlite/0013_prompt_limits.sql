-- Where an administrator limits how often people are asked: what began since a moment, by name of
-- client or tenant.
CREATE TABLE prompt_starts (
    tenant_id   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    starts      INTEGER NOT NULL,
    starts_from INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_starts_by_expiry ON prompt_starts (expires_at);

-- And how many requests may still begin before those that wait are counted anew.
CREATE TABLE prompt_budgets (
    tenant_id  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    most       INTEGER NOT NULL,
    budget     INTEGER NOT NULL,
    turn       INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX prompt_budgets_by_expiry ON prompt_budgets (expires_at);
