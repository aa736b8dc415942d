-- Certificates that we fetch ourselves (RFC 8555). Keys are sealed.

CREATE TABLE acme_accounts (
    directory  TEXT NOT NULL PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row for each host that wants a certificate; chain and key are null until there is one.
CREATE TABLE acme_certificates (
    host       TEXT NOT NULL PRIMARY KEY,
    chain      TEXT,
    sealed     BYTEA,
    expires_at BIGINT,
    next_at    BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    problem    TEXT,
    CHECK ((chain IS NULL) = (sealed IS NULL)),
    CHECK ((chain IS NULL) = (expires_at IS NULL))
);

-- What the authority is shown while it looks whether the host is ours (RFC 8737).
CREATE TABLE acme_challenges (
    host        TEXT NOT NULL PRIMARY KEY,
    certificate TEXT NOT NULL,
    sealed      BYTEA NOT NULL,
    expires_at  BIGINT NOT NULL
);
