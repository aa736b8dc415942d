-- People are found by their phone number too (hints of CIBA).
ALTER TABLE users ADD COLUMN phone_number TEXT;
CREATE INDEX users_by_phone ON users (tenant_id, phone_number) WHERE phone_number IS NOT NULL;

-- The secret a person tells a client with each request, as an argon2id hash, and the tries that
-- were counted since a moment: too many, and requests wait; nothing else of the person does.
CREATE TABLE user_codes (
    tenant_id  TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    tries      BIGINT NOT NULL DEFAULT 0,
    tries_from BIGINT NOT NULL DEFAULT 0,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
