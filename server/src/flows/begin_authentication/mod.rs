//! `POST /bc-authorize`: from a posted form to a request on somebody's phone.

mod choose;
mod start;

use domain::ciba::delivery::Mode;
use domain::ciba::profile::SignedRequests;
use domain::ciba::request;
use domain::ciba::signed_request;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp};
use serde_json::{Map, Value, json};

use self::choose::{Chosen, choose, tenant_rules};
use self::start::{Start, start};
use super::DECIDE_TRIES;
use super::admit;
use super::authenticate_client::{
    Authenticated, Basic, Credentials, authenticate_client, spend_assertion,
};
use super::bind_token::{At, Bond};
use super::idempotency;
use super::key_sets;
use super::log::{self, Entry};
use super::prompt_limits;
use super::user_code;
use super::whom::{OnceOnly, Unspent};
use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::tenancy::Context;

pub use self::start::{COUNTED_PROMPTS, WINDOW_MS};
pub(super) use self::start::{New, new_transaction, user_limit_reached};

/// What was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The parameters, or why they could not be read.
    pub parameters: Result<Parameters, Refusal>,
    /// The credentials of the `Authorization` header.
    pub basic: Option<Basic>,
    /// Who sent it.
    pub meta: Meta,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// What the body was, to recognise a repetition.
    pub body_hash: Fingerprint,
}

impl Posted {
    /// What it says of its sender.
    pub fn credentials<'a>(&'a self, parameters: &'a Parameters) -> Credentials<'a> {
        let certificate = self.meta.certificate.as_deref();
        Credentials { parameters, basic: self.basic.as_ref(), certificate }
    }
}

/// Begins, and tells which client it was for, as far as that became known. A refusal leaves a log
/// event and nothing else (W284).
pub async fn begin(
    app: &App,
    context: &Context,
    posted: &Posted,
    now: Timestamp,
) -> (Option<KnownClient>, Result<Map<String, Value>, Failure>) {
    let mut known = None;
    let mut outcome = attempt(app, context, posted, (&mut known, now)).await;
    if let Err(Failure::Refused(refusal)) = &outcome {
        let about = (known.as_ref(), refusal.as_ref());
        match Box::pin(prompt_limits::count_unknown(app, context, about, now)).await {
            Ok(None) => {}
            Ok(Some(reached)) => outcome = Err(reached.into()),
            Err(broken) => outcome = Err(broken),
        }
    }
    if let Err(Failure::Refused(refusal)) = &outcome
        && !admit::is_told(refusal)
        && let Err(failure) =
            log_refusal(app, context, (posted, known.as_ref(), refusal), now).await
    {
        return (known, Err(failure));
    }
    (known, outcome)
}

async fn attempt(
    app: &App,
    context: &Context,
    posted: &Posted,
    (known, now): (&mut Option<KnownClient>, Timestamp),
) -> Result<Map<String, Value>, Failure> {
    let parameters = posted.parameters.as_ref().map_err(Clone::clone)?;
    let proof = posted.credentials(parameters);
    let Authenticated { mut client, unspent } =
        authenticate_client(app, context, proof, now).await?;
    *known = Some(client.clone());
    spend_assertion(app, context, unspent, now).await?;
    let rules = tenant_rules(app, context);
    let signed = opened(app, context, (&client, posted, parameters), now).await?;
    let (posted, signature) = match &signed {
        Some((inside, unspent)) => (inside, Some(*unspent)),
        None => (posted, None),
    };
    let parameters = posted.parameters.as_ref().map_err(Clone::clone)?;
    let (mut request_token, mut hint_token) = (OnceOnly::default(), OnceOnly::default());
    let (mut bond, mut code) = (Bond::default(), None);
    for _ in 0..DECIDE_TRIES {
        let shaped = request::shape(parameters, client.client(), &rules)?;
        let repeat = idempotency::find(app, context, (&client, posted), now).await?;
        if let Some(answer) = repeat.answer() {
            return Ok(answer);
        }
        let unspent = (signature, Reason::BadSignedRequest);
        request_token.spend(app, context, unspent, now).await?;
        let Chosen { asked, devices, unspent: token, nobody } =
            choose(app, context, (&client, shaped, &rules), now).await?;
        let code = if let Some(known) = &code {
            Option::clone(known)
        } else {
            let coded = (&client, &asked.user_id, parameters);
            let found = Box::pin(user_code::check(app, context, coded, now)).await?;
            code.insert(found).clone()
        };
        let notice_token = request::notification_token(parameters, client.client())?;
        hint_token.spend(app, context, (token, Reason::BadHintToken), now).await?;
        let binding = match asked.delivery {
            Mode::Push => {
                let asking = (At::Backchannel, client.client(), None, &posted.meta);
                bond.of(app, context, asking, now).await?
            }
            Mode::Poll | Mode::Ping => None,
        };
        let promise = notice_token.as_ref().map(|token| (token, binding));
        let nobody = nobody.or(code);
        let order = Start { client: &client, asked, promise, devices, nobody, posted, repeat };
        if let Some(answer) = start(app, context, order, now).await? {
            return Ok(answer);
        }
        // The client may be what changed: it proves itself again. Its assertion is spent.
        client = authenticate_client(app, context, proof, now).await?.client;
        *known = Some(client.clone());
    }
    Err(Refusal::unavailable(1).noting("overtaken by one change after another").into())
}

/// What was posted, with the parameters of its signed request if it has one, whose `jti` is still
/// to be spent.
async fn opened(
    app: &App,
    context: &Context,
    (client, posted, parameters): (&KnownClient, &Posted, &Parameters),
    now: Timestamp,
) -> Result<Option<(Posted, Unspent)>, Refusal> {
    if client.client().profile.rules().signed_requests == SignedRequests::Ignored {
        return Ok(None);
    }
    let issuers = &context.base.all;
    let mut keys = client.request_keys(now);
    if client.client().jwks_uri.is_some()
        && let Ok(Some(jwt)) = parameters.optional("request")
    {
        let named = key_sets::request_keys(app, context, client, jwt, now);
        keys.extend(Box::pin(named).await?);
    }
    let opened = signed_request::open(parameters, client.client(), &keys, issuers, now)?;
    Ok(opened.map(|opened| {
        let name = format!("request\n{}\n{}", client.client().id, opened.jti);
        let unspent = (Fingerprint::of(name.as_bytes()), opened.expires_at);
        (Posted { parameters: Ok(opened.parameters), ..posted.clone() }, unspent)
    }))
}

async fn log_refusal(
    app: &App,
    context: &Context,
    (posted, known, refusal): (&Posted, Option<&KnownClient>, &Refusal),
    now: Timestamp,
) -> Result<(), Failure> {
    let mut details = json!({
        "error": { "message": refusal.to_string() },
        "body": logged_body(posted.parameters.as_ref().ok()),
    });
    if let (Some(members), Some(note)) = (details.as_object_mut(), &refusal.note) {
        let name = if known.is_none() { "client_authentication_error" } else { "reason" };
        members.insert(name.to_owned(), note.as_ref().into());
    }
    let entry = Entry::new("ciba_start_failed", "A CIBA request was refused", details);
    let entry = match known {
        Some(known) => entry.of_client(known.client()),
        None => entry,
    };
    Ok(log::tell(app, (&context.tenant.id, &posted.meta), entry, now).await?)
}

/// Of the body only what W283 lists: no binding message, no secret, nothing unbounded.
fn logged_body(parameters: Option<&Parameters>) -> Value {
    const LOGGED_CHARS: usize = 512;
    let mut body = Map::new();
    for name in ["audience", "login_hint", "scope"] {
        let value = parameters.and_then(|parameters| parameters.optional(name).ok().flatten());
        if let Some(value) = value {
            let value: String = value.chars().take(LOGGED_CHARS).collect();
            body.insert(name.to_owned(), value.into());
        }
    }
    Value::Object(body)
}
