-- What clients of ping and push mode are told: a row from the start of their request until the
-- notice is delivered or given up. `due_at` is set by the decision. Poll clients have no row.
CREATE TABLE notices (
    tenant_id     TEXT    NOT NULL,
    txn           TEXT    NOT NULL,
    auth_req_hash BYTEA   NOT NULL,
    user_id       TEXT    NOT NULL,
    sealed_token  BYTEA   NOT NULL,
    sealed_body   BYTEA,
    due_at        BIGINT,
    attempts      BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, txn)
);
CREATE INDEX notices_due ON notices (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX notices_by_expiry ON notices (expires_at);
