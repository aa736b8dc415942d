-- What a tenant's administrator set for push services; `sealed` is null where no secret is set.
CREATE TABLE push_providers (
    tenant_id  TEXT NOT NULL,
    provider   TEXT NOT NULL CHECK (provider IN ('apns', 'fcm', 'fcmv1', 'sns')),
    document   TEXT NOT NULL,
    sealed     BLOB,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, provider)
) STRICT, WITHOUT ROWID;
