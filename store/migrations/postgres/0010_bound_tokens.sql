-- What an opaque access token is bound to: the claim `cnf`, a JSON text.
ALTER TABLE access_tokens ADD COLUMN confirmation TEXT;
-- What the tokens of a push client will be bound to: decided when the request begins.
ALTER TABLE notices ADD COLUMN confirmation TEXT;
