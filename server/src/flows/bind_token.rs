//! What a token is bound to: the certificate of the connection, or the key of a proof (RFC 8705,
//! RFC 9449).

use domain::Timestamp;
use domain::jose::dpop::{self, HeldProof, ProofError, ProofRules};
use domain::oauth::binding::{self, Binding, Shown};
use domain::oauth::client::Client;
use domain::oauth::refusal::{Reason, Refusal};
use store::{Written, replays};

use super::access_token::Presented;
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// A nonce is told for so long, and good for as long again.
const NONCE_WINDOW_MS: i64 = 300_000;

/// Where a client shows what its tokens will be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// When it asks for the person: tokens that are pushed (C76).
    Backchannel,
    /// When it asks for the tokens.
    Token,
}

impl At {
    const fn path(self) -> &'static str {
        match self {
            Self::Backchannel => "bc-authorize",
            Self::Token => "oauth/token",
        }
    }
}

/// What the tokens of one request are bound to: chosen once, however often the request is decided
/// anew, since a proof is good once.
#[derive(Debug, Default)]
pub(super) struct Bond {
    is_chosen: bool,
    binding: Option<Binding>,
}

impl Bond {
    /// What they are bound to.
    pub(super) async fn of(
        &mut self,
        app: &App,
        context: &Context,
        asking: (At, &Client, Option<&str>, &Meta),
        now: Timestamp,
    ) -> Result<Option<&Binding>, Failure> {
        if !self.is_chosen {
            self.binding = bind_token(app, context, asking, now).await?;
            self.is_chosen = true;
        }
        Ok(self.binding.as_ref())
    }
}

/// Chooses what the token of this client for this audience is bound to. A proof is spent, durably
/// and for all nodes.
pub(super) async fn bind_token(
    app: &App,
    context: &Context,
    (at, client, audience, meta): (At, &Client, Option<&str>, &Meta),
    now: Timestamp,
) -> Result<Option<Binding>, Failure> {
    let api = match audience {
        Some(audience) => app.api(&context.tenant.id, audience, now).await?,
        None => None,
    };
    let (api, mut key) = (api.as_deref(), None);
    if binding::reads_proofs(client, api)
        && let Some(proof) = held_proof(app, context, (at, meta), now)?
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
    match held_proof(app, context, (At::Token, meta), now)? {
        Some(proof) if !app.seen.first_use(proof.seen_as, proof.forget_at, now) => {
            Err(used_before())
        }
        Some(_) | None => Ok(()),
    }
}

fn held_proof(
    app: &App,
    context: &Context,
    (at, meta): (At, &Meta),
    now: Timestamp,
) -> Result<Option<HeldProof>, Refusal> {
    let Some(proof) = &meta.proof else { return Ok(None) };
    let (urls, nonces) = (addresses(context, at.path()), nonces(app, now));
    let nonces = (nonces.as_slice(), app.config.ciba.dpop_nonce_required);
    let rules = ProofRules { method: "POST", urls: &urls, access_token: None, nonces };
    dpop::check(proof, &rules, now).map(Some).map_err(|why| match (why, nonces.0) {
        (ProofError::Nonce, [newest, ..]) => {
            Refusal::wants_nonce(Reason::NonceWanted, newest.clone())
        }
        (why, _) => {
            Refusal::because(Reason::BadProof, format!("The DPoP proof does not hold: {why}"))
        }
    })
}

/// The nonces that are good now, the newest first: of this window of time and the one before.
fn nonces(app: &App, now: Timestamp) -> [String; 2] {
    let window = now.ms().div_euclid(NONCE_WINDOW_MS);
    [window, window - 1].map(|window| dpop::nonce(&app.secrets.dpop_nonce, window))
}

/// Refuses a request with a bound token that does not show what the token is bound to. A proof is
/// good once.
pub(super) async fn check_shown(
    app: &App,
    context: &Context,
    (bound, presented, meta): (&Binding, &Presented<'_>, &Meta),
    now: Timestamp,
) -> Result<(), Failure> {
    let stolen = || Failure::from(Refusal::from(Reason::InvalidToken));
    let key = match bound {
        Binding::Certificate(bound) => {
            let shown = meta.certificate.as_ref().map(|it| it.certificate.thumbprint_text());
            return if shown.as_ref() == Some(bound) { Ok(()) } else { Err(stolen()) };
        }
        Binding::Key(key) => key,
    };
    let (urls, nonces) = (addresses(context, presented.path()), nonces(app, now));
    let nonces = (nonces.as_slice(), app.config.ciba.dpop_nonce_required);
    let Presented { method, token, .. } = presented;
    let rules = ProofRules { method, urls: &urls, access_token: Some(token), nonces };
    let proof = meta.proof.as_deref().ok_or_else(stolen)?;
    let proof = dpop::check(proof, &rules, now).map_err(|why| match (why, nonces.0) {
        (ProofError::Nonce, [newest, ..]) => {
            Refusal::wants_nonce(Reason::NonceWantedHere, newest.clone()).into()
        }
        (_, _) => stolen(),
    })?;
    if proof.thumbprint != *key {
        return Err(stolen());
    }
    let write = replays::first_use(&context.tenant.id, &proof.seen_as, proof.forget_at);
    match app.database.run(write).await? {
        Written::Done => Ok(()),
        Written::Overtaken => Err(stolen()),
    }
}

/// Every address of the tenant's endpoint, the one for certificates among them.
fn addresses(context: &Context, path: &str) -> Vec<String> {
    context.base.all.iter().chain(&context.base.mtls).map(|base| format!("{base}{path}")).collect()
}

fn used_before() -> Refusal {
    Refusal::because(Reason::BadProof, "The DPoP proof was used before")
}
