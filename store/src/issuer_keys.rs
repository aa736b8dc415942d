//! Keys of an issuer that do not rotate with those of tokens: devices pin the one, receipts must
//! verify under the other for ever (D2, D18).

use domain::{TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// What people are shown.
    Content,
    /// Receipts of their decisions.
    Receipt,
    /// Pushes to browsers, whose subscriptions are bound to it.
    WebPush,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Content, Self::Receipt, Self::WebPush];

    /// Its name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Receipt => "receipt",
            Self::WebPush => "web_push",
        }
    }
}

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerKeyRow {
    /// What it signs.
    pub purpose: Purpose,
    /// Its public name.
    pub kid: String,
    /// The public key as JSON text.
    pub public_jwk: String,
    /// The private key, sealed.
    pub sealed_private: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The keys of a tenant.
pub async fn of_tenant(database: &Database, tenant: &TenantId) -> Result<Vec<IssuerKeyRow>, Error> {
    const READ: &str = "
        SELECT purpose, kid, public_jwk, sealed_private, created_at
        FROM issuer_keys WHERE tenant_id = $1 ORDER BY purpose";
    database.few(READ, &[tenant.into()]).await?.iter().map(read).collect()
}

/// Adds a key. `Overtaken`: the tenant has one for this purpose.
pub fn add(tenant: &TenantId, key: &IssuerKeyRow) -> Write {
    const ADD: &str = "
        INSERT INTO issuer_keys
            (tenant_id, purpose, kid, public_jwk, sealed_private, created_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let params = [
        tenant.into(),
        key.purpose.name().into(),
        (&key.kid).into(),
        (&key.public_jwk).into(),
        (&key.sealed_private).into(),
        key.created_at.into(),
    ];
    Write::new().exactly(1, ADD, params).changes_configuration()
}

fn read(row: &Row) -> Result<IssuerKeyRow, Error> {
    let kid = row.text(1)?.to_owned();
    let name = row.text(0)?;
    let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.name() == name);
    Ok(IssuerKeyRow {
        purpose: purpose
            .ok_or_else(|| Error::Inconsistent { table: "issuer_keys", id: kid.clone() })?,
        kid,
        public_jwk: row.text(2)?.to_owned(),
        sealed_private: row.blob(3)?.to_vec(),
        created_at: row.time(4)?,
    })
}
