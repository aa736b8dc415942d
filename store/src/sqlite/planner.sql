-- What the planner is to assume, instead of counting: all rows may be one tenant's. Without this
-- it takes `tenant_id` alone for a good key, and reads a tenant to find one person's devices.
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('client_credentials', 'client_credentials', '100000 100000 1'),
    ('client_credentials', 'client_credentials_by_client', '100000 100000 2'),
    ('users', 'users', '1000000 1000000 1'),
    ('users', 'users_by_email', '1000000 1000000 2'),
    ('users', 'users_by_creation', '1000000 1000000 10 1'),
    ('user_identities', 'user_identities', '1000000 1000000 100000 1'),
    ('user_identities', 'user_identities_by_email', '1000000 1000000 100000 1'),
    ('user_identities', 'user_identities_by_user', '1000000 1000000 2'),
    ('enrollments', 'enrollments', '1000000 1000000 1'),
    ('enrollments', 'enrollments_by_user', '1000000 1000000 2'),
    ('tickets', 'tickets', '1000000 1000000 1'),
    ('tickets', 'tickets_by_user', '1000000 1000000 2'),
    ('refresh_tokens', 'refresh_tokens', '1000000 1000000 1'),
    ('refresh_tokens', 'refresh_tokens_by_family', '1000000 1000000 2'),
    ('refresh_tokens', 'refresh_tokens_by_user', '1000000 1000000 2'),
    ('log_events', 'log_events', '10000000 10000000 1'),
    ('log_events', 'log_events_by_user', '10000000 10000000 100 1');
ANALYZE sqlite_schema;
