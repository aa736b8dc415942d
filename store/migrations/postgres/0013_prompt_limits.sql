-- Where an administrator limits how often people are asked: what began since a moment, by name of
-- client or tenant.
CREATE TABLE prompt_starts (
    tenant_id   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    starts      BIGINT NOT NULL,
    starts_from BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
CREATE INDEX prompt_starts_by_expiry ON prompt_starts (expires_at);

-- And how many requests may still begin before those that wait are counted anew.
CREATE TABLE prompt_budgets (
    tenant_id  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    most       BIGINT NOT NULL,
    budget     BIGINT NOT NULL,
    turn       BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
CREATE INDEX prompt_budgets_by_expiry ON prompt_budgets (expires_at);
