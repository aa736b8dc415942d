//! Clients that register themselves and look after themselves: RFC 7591 and RFC 7592.
//!
//! Who may: anybody, where the tenant says so; who has an initial access token; an administrator's
//! program. What a client may be is decided where every client is (`administer`), and for those that
//! no administrator wrote by `domain::oauth::registration` besides.

use domain::oauth::refusal::{Reason, Refusal};
use domain::oauth::registration;
use domain::shape::{InvalidBody, Object};
use domain::{ClientId, Fingerprint, Timestamp};
use serde_json::{Value, json};
use store::clients::ClientRow;
use store::registrations::{self, InitialToken};
use store::{Write, Written, clients, log_events};

use super::DECIDE_TRIES;
use super::administer::{self, NewClient};
use super::client_sites;
use super::log::{self, Entry};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::{Broken, Failure};
use crate::meta::Meta;
use crate::tenancy::{self, Context};

/// What an initial access token begins with: that tells it from an administrator's.
pub const INITIAL_PREFIX: &str = "iat_";
/// What the token of a registered client begins with.
const REGISTRATION_PREFIX: &str = "rat_";

/// By whose leave a client is registered.
#[derive(Clone, Debug)]
pub enum Leave {
    /// The tenant's, for everybody.
    Open,
    /// An administrator's program does it.
    Administrator,
    /// That of an administrator, given as a token.
    Token(InitialToken),
}

impl Leave {
    fn name(&self) -> &str {
        match self {
            Self::Open => "anybody",
            Self::Administrator => "an administrator",
            Self::Token(token) => &token.id,
        }
    }
}

/// The leave that an initial access token gives.
pub async fn leave_of(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Leave, Failure> {
    let hash = Fingerprint::of(token.as_bytes());
    let found = registrations::initial_token(&app.database, &context.tenant.id, &hash).await?;
    match found.filter(|token| token.uses_left > 0 && token.expires_at > now) {
        Some(token) => Ok(Leave::Token(token)),
        None => Err(Refusal::from(Reason::InvalidRegistrationToken).into()),
    }
}

/// Registers a client with these metadata; answers them as they were taken, with what the client
/// needs to know (RFC 7591 3.2.1).
pub async fn register(
    app: &App,
    context: &Context,
    (leave, meta): (&Leave, &Meta),
    metadata: Object,
    now: Timestamp,
) -> Result<Object, Failure> {
    let tenant = &context.tenant.id;
    let statement = statement(context, &metadata, now)?;
    let metadata = registration::overlaid(metadata, &statement);
    let fixed = fixed(leave)?;
    let metadata = registration::overlaid(metadata, &fixed);
    let (default_profile, _) = tenancy::profiles(Some(&context.tenant));
    let mut members = registration::new_members(&metadata, default_profile)?;
    members
        .extend(fixed.get("is_first_party").map(|of| (String::from("is_first_party"), of.clone())));
    let vouched = registration::overlaid(statement, &fixed);
    for _ in 0..DECIDE_TRIES {
        members.entry("name").or_insert_with(|| "Registered client".into());
        let prepared = administer::prepare_client(app, context, &members, now);
        let prepared = prepared.map_err(failure)?;
        registration::check(&prepared.made.document)?;
        if !matches!(leave, Leave::Administrator) {
            registration::owns_endpoint(&prepared.made.document, &vouched, None)?;
        }
        let token = format!("{REGISTRATION_PREFIX}{}", app.entropy.base64url::<32>());
        let client = prepared.client_id.clone();
        let first = match leave {
            Leave::Token(token) => registrations::spend_initial_token(tenant, &token.hash, now),
            Leave::Open | Leave::Administrator => Write::new(),
        };
        let hash = Fingerprint::of(token.as_bytes());
        let write = first.and(prepared.write);
        let write = write.and(registrations::insert(tenant, &client, hash, now));
        let details = json!({ "by": leave.name() });
        let name = prepared.made.document.get("name").and_then(Value::as_str).unwrap_or_default();
        let entry = Entry {
            client: Some((&client, name)),
            ..Entry::new("client_registered", "A client registered itself", details)
        };
        let event = log::event(app, meta, entry, now);
        match app.database.run(log_events::append(write, tenant, &event)).await? {
            Written::Done => {
                client_sites::ring(app, &prepared.made.document);
                tracing::info!(tenant.id = %tenant, client.id = %client, "client registered");
                return Ok(answer(context, prepared.made, &token, now));
            }
            Written::Overtaken => still_may(app, context, leave, now).await?,
        }
    }
    Err(Refusal::unavailable(1).noting("overtaken by one change after another").into())
}

/// The claims of the software statement that count as metadata.
fn statement(context: &Context, metadata: &Object, now: Timestamp) -> Result<Object, Refusal> {
    registration::statement(metadata, &context.tenant.settings.statement_issuers(), now)
}

/// What the administrator who made the token fixed for whoever uses it.
fn fixed(leave: &Leave) -> Result<Object, Broken> {
    match leave {
        Leave::Token(token) => serde_json::from_str(&token.metadata).map_err(Broken::because),
        Leave::Open | Leave::Administrator => Ok(Object::new()),
    }
}

/// Why nothing was written, if it was not chance.
async fn still_may(
    app: &App,
    context: &Context,
    leave: &Leave,
    now: Timestamp,
) -> Result<(), Failure> {
    let tenant = &context.tenant.id;
    if let Leave::Token(token) = leave {
        let found = registrations::initial_token(&app.database, tenant, &token.hash).await?;
        if !found.is_some_and(|token| token.uses_left > 0 && token.expires_at > now) {
            return Err(Refusal::from(Reason::InvalidRegistrationToken).into());
        }
    }
    if registrations::has_room(&app.database, tenant).await? {
        return Ok(());
    }
    Err(Refusal::from(Reason::TooManyClients).into())
}

/// What a registered client is told of itself (RFC 7592 3).
fn answer(context: &Context, client: NewClient, token: &str, issued_at: Timestamp) -> Object {
    let mut told = registration::shown(&client.document);
    let id = client.document.get("client_id").and_then(Value::as_str).unwrap_or_default();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("client_id_issued_at", issued_at.seconds().into());
    put("registration_access_token", token.into());
    put("registration_client_uri", context.base.url(&format!("oidc/register/{id}")).into());
    if let Some(secret) = client.client_secret {
        put("client_secret", secret.into());
        put("client_secret_expires_at", 0.into());
    }
    told
}

/// The client that shows this token; a client that is gone is no other answer (RFC 7592 2.1).
async fn own(
    app: &App,
    context: &Context,
    (client, token): (&ClientId, Option<&str>),
) -> Result<(ClientRow, Value), Failure> {
    let refused = || Failure::from(Refusal::from(Reason::InvalidRegistrationToken));
    let token = token.ok_or_else(refused)?;
    let tenant = &context.tenant.id;
    let hash = registrations::token_of(&app.database, tenant, client).await?;
    if !hash.is_some_and(|hash| hash.matches(token.as_bytes())) {
        return Err(refused());
    }
    let row = clients::one(&app.database, tenant, client).await?.ok_or_else(refused)?;
    let document = serde_json::from_str(&row.document).map_err(Broken::because)?;
    Ok((row, document))
}

/// What a registered client is, told to itself.
pub async fn read_registration(
    app: &App,
    context: &Context,
    who: (&ClientId, Option<&str>),
) -> Result<Object, Failure> {
    let (row, document) = own(app, context, who).await?;
    let client = NewClient { document, client_secret: None };
    Ok(answer(context, client, who.1.unwrap_or_default(), row.created_at))
}

/// Puts other metadata in the place of those of a registered client; the client as it would be is
/// checked like a new one.
pub async fn update_registration(
    app: &App,
    context: &Context,
    who: (&ClientId, Option<&str>),
    metadata: Object,
    now: Timestamp,
) -> Result<Object, Failure> {
    let (row, existing) = own(app, context, who).await?;
    let mut metadata = metadata;
    if let Some(secret) = metadata.remove("client_secret") {
        let is_its =
            |hash: Fingerprint| secret.as_str().is_some_and(|s| hash.matches(s.as_bytes()));
        if !row.secret_hash.is_some_and(is_its) {
            let text = "client_secret must be that of the client";
            return Err(Refusal::because(Reason::InvalidClientMetadata, text).into());
        }
    }
    let statement = statement(context, &metadata, now)?;
    let metadata = registration::overlaid(metadata, &statement);
    let members = registration::changed_members(&metadata, &existing)?;
    let told = |refusal: Refusal| InvalidBody::because(refusal.to_string());
    let allows = |was: &Value, is: &Value| {
        registration::may_become(was, is)?;
        registration::check(is).map_err(told)?;
        registration::owns_endpoint(is, &statement, Some(was)).map_err(told)
    };
    let changed =
        administer::change_client_if(app, (context, who.0), &members, (&allows, now)).await;
    let client = NewClient { document: changed.map_err(failure)?, client_secret: None };
    Ok(answer(context, client, who.1.unwrap_or_default(), row.created_at))
}

/// Takes a registered client away, with everything that is the client's.
pub async fn delete_registration(
    app: &App,
    context: &Context,
    who: (&ClientId, Option<&str>),
    now: Timestamp,
) -> Result<(), Failure> {
    own(app, context, who).await?;
    administer::delete_client(app, &context.tenant.id, who.0, now).await.map_err(failure)
}

/// What the rules of all clients refuse, in the words of a registration.
fn failure(denial: Denial) -> Failure {
    match denial {
        Denial::Denied(Denied::InvalidBody(message)) => {
            registration::refused(&InvalidBody { message }).into()
        }
        Denial::Denied(Denied::NoClient) => Refusal::from(Reason::InvalidRegistrationToken).into(),
        Denial::Denied(other) => {
            let (_, message, _) = other.wire();
            Refusal::because(Reason::InvalidClientMetadata, message).into()
        }
        Denial::Broken(broken) => broken.into(),
    }
}
