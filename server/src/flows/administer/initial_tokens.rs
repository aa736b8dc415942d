//! Initial access tokens: an administrator's leave to register clients (RFC 7591 3).

use domain::shape::{Kind, Member, Object, checked, member};
use domain::{Fingerprint, TenantId, Timestamp};
use serde_json::{Value, json};
use store::Written;
use store::registrations::{self, InitialToken};

use crate::App;
use crate::denied::{Denial, Denied, Inexistent};
use crate::flows::INITIAL_PREFIX;

/// Clients that one token registers at most.
const MOST_USES: i64 = 1_000;
/// How long a token is good, in seconds: at least, unless it is said, at most.
const SHORTEST_S: i64 = 60;
const USUAL_S: i64 = 86_400;
const LONGEST_S: i64 = 31_536_000;
/// What a token fixes is not larger, in bytes of JSON.
const METADATA_BYTES: usize = 16 * 1024;

const MEMBERS: &[Member] = &[
    member("uses", Kind::Integer(1, MOST_USES)),
    member("expires_in", Kind::Integer(SHORTEST_S, LONGEST_S)),
    member("metadata", Kind::Object(METADATA_BYTES)),
];

/// Makes a token; it is told once.
pub async fn create_initial_token(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    let known = checked(MEMBERS, body)?;
    let number = |name: &str, usual| known.get(name).and_then(Value::as_i64).unwrap_or(usual);
    let secret = format!("{INITIAL_PREFIX}{}", app.entropy.base64url::<32>());
    let metadata = known.get("metadata").cloned().unwrap_or_else(|| json!({}));
    let token = InitialToken {
        hash: Fingerprint::of(secret.as_bytes()),
        id: format!("reg_{}", app.entropy.alphanumerics(16)),
        metadata: metadata.to_string(),
        uses_left: number("uses", 1),
        created_at: now,
        expires_at: now.plus_seconds(number("expires_in", USUAL_S)),
    };
    match app.database.run(registrations::insert_initial_token(tenant, &token)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, token.id = token.id, "initial access token made");
            let mut told = initial_token_view(&token);
            if let Some(members) = told.as_object_mut() {
                members.insert(String::from("token"), secret.into());
            }
            Ok(told)
        }
        Written::Overtaken => {
            let most = registrations::INITIAL_TOKEN_LIMIT;
            let message = format!("A tenant has at most {most} initial access tokens");
            Err(Denied::InvalidBody(message).into())
        }
    }
}

/// What administrators see of a token.
pub fn initial_token_view(token: &InitialToken) -> Value {
    json!({
        "id": token.id,
        "uses_left": token.uses_left,
        "created_at": token.created_at.to_iso(),
        "expires_at": token.expires_at.to_iso(),
        "metadata": serde_json::from_str::<Value>(&token.metadata).unwrap_or_default(),
    })
}

/// Takes a token back.
pub async fn delete_initial_token(app: &App, tenant: &TenantId, id: &str) -> Result<(), Denial> {
    match app.database.run(registrations::delete_initial_token(tenant, id)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, token.id = id, "initial access token taken back");
            Ok(())
        }
        Written::Overtaken => Err(Inexistent::InitialToken.into()),
    }
}
