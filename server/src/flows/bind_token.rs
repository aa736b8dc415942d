//! What a token is bound to: the certificate of the connection, or the key of a proof (RFC 8705,
//! RFC 9449).

use domain::Timestamp;
use domain::jose::dpop::{self, HeldProof, ProofRules};
use domain::oauth::api::Api;
use domain::oauth::binding::{self, Binding, Shown};
use domain::oauth::client::Client;
use domain::oauth::refusal::{Reason, Refusal};
use store::{Written, replays};

use super::access_token::Presented;
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// Chooses what the token of this client for this API is bound to. A proof is spent, durably and
/// for all nodes.
pub(super) async fn bind_token(
    app: &App,
    context: &Context,
    (client, api, meta): (&Client, Option<&Api>, &Meta),
    now: Timestamp,
) -> Result<Option<Binding>, Failure> {
    let mut key = None;
    if binding::reads_proofs(client, api)
        && let Some(proof) = proof_at_token(context, meta, now)?
    {
        let write = replays::first_use(&context.tenant.id, &proof.seen_as, proof.forget_at);
        if app.database.run(write).await? == Written::Overtaken {
            return Err(used_before().into());
        }
        key = Some(proof.thumbprint);
    }
    let certificate = meta.certificate.as_ref().map(|it| it.certificate.thumbprint_text());
    Ok(binding::choose(client, api, Shown { certificate, key })?)
}

/// Checks the proof of a poll before anything else is looked at: it must hold each time, and be new.
pub(super) fn check_poll(
    app: &App,
    context: &Context,
    (client, meta): (&Client, &Meta),
    now: Timestamp,
) -> Result<(), Refusal> {
    if !binding::reads_proofs(client, None) {
        return Ok(());
    }
    match proof_at_token(context, meta, now)? {
        Some(proof) if !app.seen.first_use(proof.seen_as, proof.forget_at, now) => {
            Err(used_before())
        }
        Some(_) | None => Ok(()),
    }
}

fn proof_at_token(
    context: &Context,
    meta: &Meta,
    now: Timestamp,
) -> Result<Option<HeldProof>, Refusal> {
    let Some(proof) = &meta.proof else { return Ok(None) };
    let urls = addresses(context, "oauth/token");
    let rules = ProofRules { method: "POST", urls: &urls, access_token: None };
    let held = dpop::check(proof, &rules, now).map_err(|why| {
        Refusal::because(Reason::BadProof, format!("The DPoP proof does not hold: {why}"))
    })?;
    Ok(Some(held))
}

/// Whether a request with a bound token shows what the token is bound to. A proof is good once.
pub(super) async fn shows(
    app: &App,
    context: &Context,
    (bound, presented, meta): (&Binding, &Presented<'_>, &Meta),
    now: Timestamp,
) -> Result<bool, Failure> {
    match bound {
        Binding::Certificate(thumbprint) => Ok(meta
            .certificate
            .as_ref()
            .is_some_and(|it| it.certificate.thumbprint_text() == *thumbprint)),
        Binding::Key(thumbprint) => {
            let urls = addresses(context, "userinfo");
            let Presented { method, token, .. } = presented;
            let rules = ProofRules { method, urls: &urls, access_token: Some(token) };
            let held = meta.proof.as_deref().map(|proof| dpop::check(proof, &rules, now));
            let Some(Ok(proof)) = held else { return Ok(false) };
            if proof.thumbprint != *thumbprint {
                return Ok(false);
            }
            let write = replays::first_use(&context.tenant.id, &proof.seen_as, proof.forget_at);
            Ok(app.database.run(write).await? == Written::Done)
        }
    }
}

/// Every address of the tenant's endpoint, the one for certificates among them.
fn addresses(context: &Context, path: &str) -> Vec<String> {
    context.base.all.iter().chain(&context.base.mtls).map(|base| format!("{base}{path}")).collect()
}

fn used_before() -> Refusal {
    Refusal::because(Reason::BadProof, "The DPoP proof was used before")
}
