//! `Idempotency-Key` at `/bc-authorize` (decision 4): the same key and body within the life of the
//! request is the same request, and no second prompt.

use domain::ciba::delivery::Mode;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp};
use serde_json::{Map, Value};
use store::idempotency_keys::{self, IdempotencyRow};
use store::transactions;

use super::begin_authentication::Posted;
use crate::App;
use crate::failure::{Broken, Failure};
use crate::known::KnownClient;
use crate::tenancy::Context;

/// No key is longer.
const KEY_BYTES: usize = 255;

/// What is known of a key.
#[derive(Clone, Debug)]
pub(super) enum Repeat {
    /// No key was sent.
    NoKey,
    /// A key that was not used before: hash of the key and of the body.
    First(Fingerprint, Fingerprint),
    /// The answer that was given before.
    Again(Map<String, Value>),
}

impl Repeat {
    /// The answer of the first time, if this is not it.
    pub(super) fn answer(&self) -> Option<Map<String, Value>> {
        match self {
            Self::Again(answer) => Some(answer.clone()),
            Self::NoKey | Self::First(..) => None,
        }
    }

    /// The row that remembers a first use.
    pub(super) fn row(
        &self,
        auth_req_hash: Fingerprint,
        expires_at: Timestamp,
    ) -> Option<IdempotencyRow> {
        match self {
            Self::First(key_hash, body_hash) => Some(IdempotencyRow {
                key_hash: *key_hash,
                body_hash: *body_hash,
                auth_req_hash,
                expires_at,
            }),
            Self::NoKey | Self::Again(_) => None,
        }
    }
}

/// Looks the key up.
pub(super) async fn find(
    app: &App,
    context: &Context,
    (client, posted): (&KnownClient, &Posted),
    now: Timestamp,
) -> Result<Repeat, Failure> {
    let Some(key) = &posted.idempotency_key else { return Ok(Repeat::NoKey) };
    if key.is_empty() || key.len() > KEY_BYTES {
        let text = format!("Idempotency-Key must have 1 to {KEY_BYTES} characters");
        return Err(Refusal::because(Reason::BadParameter, text).into());
    }
    let (tenant, id) = (&context.tenant.id, &client.client().id);
    let key_hash = Fingerprint::of(key.as_bytes());
    let row = idempotency_keys::by_key(&app.database, tenant, id, &key_hash, now).await?;
    let Some(row) = row else { return Ok(Repeat::First(key_hash, posted.body_hash)) };
    if row.body_hash != posted.body_hash {
        return Err(Refusal::from(Reason::KeyReused).into());
    }
    let found = transactions::find(&app.database, tenant, &row.auth_req_hash).await?;
    let Some(stored) = found else { return Ok(Repeat::First(key_hash, posted.body_hash)) };
    let transaction = stored.at(now);
    let facts = transaction.facts();
    let mut answer = Map::new();
    let keys = app.secrets.of_request(&facts.txn, &row.auth_req_hash);
    let name = keys.name(&facts.txn, &row.auth_req_hash);
    let name = name.ok_or_else(|| Broken::because("the root key that named it is gone"))?;
    answer.insert(String::from("auth_req_id"), name.into());
    let left_s = (facts.expires_at.ms_since(now) + 999) / 1000;
    answer.insert(String::from("expires_in"), left_s.max(0).into());
    match facts.asked.delivery {
        Mode::Poll | Mode::Ping => {
            let interval_s = context.tenant.settings.interval_s(app.config.ciba.interval_s);
            answer.insert(String::from("interval"), interval_s.into());
        }
        Mode::Push => {}
    }
    if let Some(number) = &facts.asked.beyond.number {
        answer.insert(String::from("match_code"), number.code.as_str().into());
    }
    Ok(Repeat::Again(answer))
}
