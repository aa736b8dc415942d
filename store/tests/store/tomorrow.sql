-- What a later version would leave behind: a migration that this one does not know.
INSERT INTO schema_migrations (version, name, checksum, statements, applied_at)
VALUES (9999, '9999_of_tomorrow', '', 1, 1)
