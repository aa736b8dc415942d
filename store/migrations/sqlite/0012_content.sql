-- What `/userinfo` is to tell beyond the scopes: names of claims, between spaces.
ALTER TABLE access_tokens ADD COLUMN claims TEXT;
-- How often a wrong number was entered for a request that asks for one.
ALTER TABLE transactions ADD COLUMN wrong_matches INTEGER NOT NULL DEFAULT 0;
