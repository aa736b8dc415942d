//! What a push client is sent: the tokens, minted once and kept until they are delivered, or why
//! there are none (C72 to C77).

use std::sync::Arc;

use domain::ciba::transaction::{Approved, Transaction, USER_BLOCKED};
use domain::oauth::binding::Binding;
use domain::oauth::client::Client;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp};
use serde_json::{Value, json};
use store::notices::{self, Notice};
use store::sealed::Place;
use store::{Written, access_tokens, refresh_tokens, transactions};

use super::notices::{open, seal};
use super::redeem::{self, Collector};
use crate::App;
use crate::failure::{Broken, Failure};
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::tenancy::Context;

/// C74: what became of a request that has no tokens, but for a denial.
const FAILED: &str = "transaction_failed";

/// What there is to send.
pub(super) enum Body {
    /// This, every time.
    Ready(Vec<u8>),
    /// Something changed in this moment: look again.
    NotYet,
    /// Nothing: the request was never decided, or its tokens went another way.
    None,
}

/// Makes what is sent, or takes it as it was made.
pub(super) async fn body(
    app: &App,
    (notice, transaction, client, id): (&Notice, Transaction, &KnownClient, &str),
    now: Timestamp,
) -> Result<Body, Failure> {
    if let Some(sealed) = &notice.sealed_body {
        let place = (&notice.tenant, notice.txn.as_str());
        return Ok(Body::Ready(open(app, Place::NoticeBodies, place, sealed)?));
    }
    let refused = |error: &str, reason: Reason| {
        let description = Refusal::from(reason).description(client.client().profile).into_owned();
        let body = json!({ "error": error, "error_description": description, "auth_req_id": id });
        Ok(Body::Ready(body.to_string().into_bytes()))
    };
    match transaction {
        Transaction::Approved(approved) => mint(app, (notice, approved, client, id), now).await,
        Transaction::Denied(_) => refused("access_denied", Reason::Denied),
        Transaction::Withdrawn(_) => refused(FAILED, Reason::Withdrawn),
        Transaction::Failed(_) => refused(FAILED, Reason::Failed),
        Transaction::Pending(_) | Transaction::Expired(_) | Transaction::Redeemed(_) => {
            Ok(Body::None)
        }
    }
}

/// Mints the tokens and keeps them in the commit that spends the approval.
async fn mint(
    app: &App,
    (notice, approved, client, id): (&Notice, Approved, &KnownClient, &str),
    now: Timestamp,
) -> Result<Body, Failure> {
    let tenant = app.tenant(&notice.tenant, now).await?;
    let tenant = tenant.ok_or_else(|| Broken::because("the tenant of a notice is gone"))?;
    let base = Arc::new(app.addresses.base(&tenant, true, ""));
    let context = Context { tenant, base };
    let meta = Meta::default();
    let confirmation = notice.confirmation.as_deref().and_then(|it| serde_json::from_str(it).ok());
    let binding = confirmation.as_ref().and_then(Binding::of_confirmation);
    let binding = binding.as_ref();
    let collector =
        Collector { client, meta: &meta, binding, parameters: None, pushed_as: Some(id) };
    let made = redeem::make(app, &context, (&collector, approved.clone()), now).await;
    let made = match made {
        Ok(made) => made,
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::UserGone => {
            return fail(app, notice, approved).await;
        }
        Err(failure) => return Err(failure),
    };
    let mut answer = made.answer;
    answer.insert(String::from("auth_req_id"), id.into());
    let body = Value::Object(answer).to_string().into_bytes();
    let place = (&notice.tenant, notice.txn.as_str());
    let sealed = seal(app, Place::NoticeBodies, place, &body)?;
    let write = made.write.and(notices::keep_body(notice, sealed));
    match app.database.run(write).await? {
        Written::Done => {
            redeem::told(app, client, &made.facts);
            Ok(Body::Ready(body))
        }
        Written::Overtaken => Ok(Body::NotYet),
    }
}

/// The person is blocked or gone: there will be no tokens (A14).
async fn fail(app: &App, notice: &Notice, approved: Approved) -> Result<Body, Failure> {
    let failed = approved.fail(USER_BLOCKED.to_owned());
    // Overtaken: it failed before. The next look finds it so.
    let _written = app.database.run(transactions::fail(&notice.tenant, &failed)).await?;
    Ok(Body::NotYet)
}

/// Revokes the tokens of a body that could not be delivered (P12).
pub(super) async fn revoke(
    app: &App,
    notice: &Notice,
    client: &Client,
    now: Timestamp,
) -> Result<(), Failure> {
    // Read anew: the body may have been made by this very try.
    let sealed = notices::body(&app.database, notice).await?;
    let Some(sealed) = sealed else { return Ok(()) };
    let (tenant, place) = (&notice.tenant, (&notice.tenant, notice.txn.as_str()));
    let body = open(app, Place::NoticeBodies, place, &sealed)?;
    let body: Value = serde_json::from_slice(&body).map_err(Broken::because)?;
    let hash = |name: &str| {
        let token = body.get(name).and_then(Value::as_str);
        token.map(|token| Fingerprint::of(token.as_bytes()))
    };
    if let Some(hash) = hash("access_token")
        && access_tokens::by_hash(&app.database, tenant, &hash, now).await?.is_some()
    {
        // Overtaken: it is dead.
        let _written = app.database.run(access_tokens::delete(tenant, &client.id, &hash)).await?;
    }
    if let Some(hash) = hash("refresh_token")
        && let Some(row) = refresh_tokens::by_hash(&app.database, tenant, &hash).await?
    {
        let write = refresh_tokens::revoke_family(tenant, &row.family, now);
        let _written = app.database.run(write).await?;
    }
    Ok(())
}
