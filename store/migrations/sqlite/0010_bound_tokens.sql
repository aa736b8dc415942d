-- What an opaque access token is bound to: the claim `cnf`, a JSON text.
ALTER TABLE access_tokens ADD COLUMN confirmation TEXT;
