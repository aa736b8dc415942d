//! The keys of a tenant that do not rotate with those of its tokens: one that devices pin, one whose
//! receipts must verify for ever, one that browsers' subscriptions are bound to (D2, D18, RFC 8292).
//! Each is made when it is first needed.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::{Algorithm, HeaderFields, KeyType, NONCE_BYTES, SigningKey};
use domain::{TenantId, Timestamp};
use serde_json::Value;
use store::Written;
use store::issuer_keys::{self, IssuerKeyRow, Purpose};

use crate::App;
use crate::failure::Broken;

/// A key that is lost to another node's is read again so often.
const TRIES: u32 = 3;

/// One of the keys.
pub struct IssuerKey {
    kid: String,
    key: SigningKey,
    jwk: Value,
}

impl fmt::Debug for IssuerKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl IssuerKey {
    /// The public half, with its name.
    pub const fn public_jwk(&self) -> &Value {
        &self.jwk
    }

    /// The public half as an uncompressed point; `None` if it is no key of P-256.
    pub fn point(&self) -> Option<String> {
        let number = |name: &str| URL_SAFE_NO_PAD.decode(self.jwk.get(name)?.as_str()?).ok();
        let (x, y) = (number("x")?, number("y")?);
        Some(URL_SAFE_NO_PAD.encode([&[4], x.as_slice(), y.as_slice()].concat()))
    }

    /// Signs claims for who knows the key without its name.
    pub fn sign_nameless(&self, typ: &str, claims: &Value) -> Result<String, Broken> {
        let fields = HeaderFields { typ: Some(typ), kid: None, jwk: None };
        let algorithm = self.key.public().key_type().default_algorithm();
        self.key.sign(algorithm, &fields, &claims.to_string()).map_err(Broken::because)
    }

    /// Signs claims.
    pub fn sign(&self, typ: &str, claims: &Value) -> Result<String, Broken> {
        let fields = HeaderFields { typ: Some(typ), kid: Some(&self.kid), jwk: None };
        let algorithm = self.key.public().key_type().default_algorithm();
        self.key.sign(algorithm, &fields, &claims.to_string()).map_err(Broken::because)
    }
}

/// What kind of key is made for a purpose. That of receipts is published, and some SDKs can read
/// no other than RSA keys in a key set.
const fn kind(purpose: Purpose) -> KeyType {
    match purpose {
        Purpose::Content | Purpose::WebPush => KeyType::P256,
        Purpose::Receipt => KeyType::Rsa,
    }
}

impl App {
    /// The tenant's key for a purpose.
    pub async fn issuer_key(
        &self,
        tenant: &TenantId,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Arc<IssuerKey>, Broken> {
        let generation = self.database.configuration_generation();
        let name = (tenant.clone(), purpose.name());
        if let Some(known) = self.known.issuer_keys.get(&name, generation, now) {
            return Ok(known);
        }
        for _ in 0..TRIES {
            let rows = issuer_keys::of_tenant(&self.database, tenant).await?;
            if let Some(row) = rows.iter().find(|row| row.purpose == purpose) {
                let key = Arc::new(self.opened_key(tenant, row)?);
                self.known.issuer_keys.put(name, Arc::clone(&key), generation, now);
                return Ok(key);
            }
            let row = self.new_issuer_key(tenant, purpose, now)?;
            match self.database.run(issuer_keys::add(tenant, &row)).await? {
                Written::Done => {
                    tracing::info!(tenant.id = %tenant, purpose = purpose.name(), "key made");
                }
                Written::Overtaken => {}
            }
        }
        Err(Broken::because("a key that was made cannot be read"))
    }

    fn opened_key(&self, tenant: &TenantId, row: &IssuerKeyRow) -> Result<IssuerKey, Broken> {
        let associated = associated(tenant, row.purpose);
        let private = self.secrets.sealing.open(&associated, &row.sealed_private);
        let private = private.map_err(Broken::because)?;
        Ok(IssuerKey {
            kid: row.kid.clone(),
            key: SigningKey::from_pkcs8(&private).map_err(Broken::because)?,
            jwk: serde_json::from_str(&row.public_jwk).map_err(Broken::because)?,
        })
    }

    fn new_issuer_key(
        &self,
        tenant: &TenantId,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<IssuerKeyRow, Broken> {
        let key = SigningKey::generate(kind(purpose)).map_err(Broken::because)?;
        let kid = self.entropy.base64url::<16>();
        let algorithm: Algorithm = key.public().key_type().default_algorithm();
        let pkcs8 = key.to_pkcs8().map_err(Broken::because)?;
        let nonce = self.entropy.bytes::<NONCE_BYTES>();
        let sealed = self.secrets.sealing.seal(nonce, &associated(tenant, purpose), &pkcs8);
        Ok(IssuerKeyRow {
            purpose,
            public_jwk: key.public().to_jwk(Some(&kid), Some(algorithm)).to_string(),
            kid,
            sealed_private: sealed.map_err(Broken::because)?,
            created_at: now,
        })
    }
}

/// A sealed key opens only in its own row.
fn associated(tenant: &TenantId, purpose: Purpose) -> Vec<u8> {
    format!("issuer_keys/{tenant}/{}", purpose.name()).into_bytes()
}
