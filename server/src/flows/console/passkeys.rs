//! Passkeys of operators. Beside it only `relying_party` knows `webauthn-rs`.
//!
//! What a passkey was challenged with is kept in the database for five minutes and taken once
//! (crates 4.6). Passkeys are made to be found without a name, so nobody has to type one, and user
//! verification is demanded in both ceremonies.

use domain::{Fingerprint, Timestamp};
use serde_json::{Value, json};
use store::operator_passkeys::{self, Ceremony, PASSKEY_LIMIT};
use store::operator_sessions::{Method, Session};
use store::{Written, log_events, operators};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid,
};

use super::sessions::{self, NewSession};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;
use crate::flows::log::{self, Entry};
use crate::flows::relying_party::party;
use crate::meta::Meta;
use crate::tenancy::Context;

/// How long a challenge may be answered, in seconds.
const CEREMONY_S: i64 = 5 * 60;
/// Longest name of a passkey, in characters.
const NAME_LIMIT: usize = 64;

/// What a browser hands to its authenticator.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The name under which the answer comes back.
    pub name: String,
    /// `publicKey` of `navigator.credentials`.
    pub options: Value,
}

/// The passkeys of an operator.
pub async fn list_passkeys(
    app: &App,
    context: &Context,
    session: &Session,
) -> Result<Vec<operator_passkeys::Passkey>, Broken> {
    let tenant = &context.tenant.id;
    Ok(operator_passkeys::of_operator(&app.database, tenant, &session.operator.id).await?)
}

/// Challenges a new passkey of the operator.
pub async fn challenge_to_add(
    app: &App,
    (context, host): (&Context, &str),
    session: &Session,
    now: Timestamp,
) -> Result<Challenge, Denial> {
    let operator = &session.operator;
    let known = list_passkeys(app, context, session).await?;
    if i64::try_from(known.len()).is_ok_and(|count| count >= PASSKEY_LIMIT) {
        let message = format!("An operator has at most {PASSKEY_LIMIT} passkeys");
        return Err(Denied::InvalidBody(message).into());
    }
    let excluded = known.iter().map(|row| read(row).map(|passkey| passkey.cred_id().clone()));
    let excluded = excluded.collect::<Result<Vec<_>, _>>()?;
    let handle = Uuid::try_parse(&operator.id).map_err(Broken::because)?;
    let (mut options, state) = party(context, host, &[])?
        .webauthn()
        .start_passkey_registration(handle, &operator.name, &operator.name, Some(excluded))
        .map_err(Broken::because)
        .and_then(|(options, state)| {
            let options = serde_json::to_value(options).map_err(Broken::because)?;
            Ok((options, serde_json::to_string(&state).map_err(Broken::because)?))
        })?;
    // So that the authenticator can name its owner at sign-in.
    if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
        selection["residentKey"] = "required".into();
        selection["requireResidentKey"] = true.into();
    }
    keep(app, context, (Some(operator.id.clone()), state, options), now).await
}

/// Keeps the passkey that answered.
pub async fn add_passkey(
    app: &App,
    ((context, host), meta): ((&Context, &str), &Meta),
    (session, answer): (&Session, &Value),
    now: Timestamp,
) -> Result<(), Denial> {
    let operator = &session.operator;
    let tenant = &context.tenant.id;
    let ceremony = taken_from(app, context, answer, now).await?;
    if ceremony.operator.as_ref() != Some(&operator.id) {
        return Err(refused("it was begun by somebody else"));
    }
    let state: PasskeyRegistration =
        serde_json::from_str(&ceremony.document).map_err(Broken::because)?;
    let credential: RegisterPublicKeyCredential = credential(answer)?;
    let passkey = party(context, host, &[])?
        .webauthn()
        .finish_passkey_registration(&credential, &state)
        .map_err(|error| refused(&error.to_string()))?;
    let name = answer.get("name").and_then(Value::as_str).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_LIMIT).collect();
    let row = operator_passkeys::Passkey {
        id: Fingerprint::of(passkey.cred_id().as_ref()),
        operator: operator.id.clone(),
        name: name.trim().to_owned(),
        document: serde_json::to_string(&passkey).map_err(Broken::because)?,
        created_at: now,
        last_used_at: None,
    };
    let entry = Entry::new("console_passkey_added", "An operator added a passkey", json!({}));
    let event = log::event(app, &meta.by(operator), entry, now);
    let write = operator_passkeys::take_ceremony(tenant, &ceremony.fingerprint)
        .and(operator_passkeys::insert(tenant, &row));
    match app.database.run(log_events::append(write, tenant, &event)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, operator.id = operator.id, "passkey added");
            Ok(())
        }
        Written::Overtaken => Err(refused("it was answered before")),
    }
}

/// Removes a passkey of the operator; one that is gone is no error.
pub async fn remove_passkey(
    app: &App,
    (context, meta): (&Context, &Meta),
    (session, id): (&Session, &Fingerprint),
    now: Timestamp,
) -> Result<(), Broken> {
    let (tenant, operator) = (&context.tenant.id, &session.operator);
    let entry = Entry::new("console_passkey_removed", "An operator removed a passkey", json!({}));
    let event = log::event(app, &meta.by(operator), entry, now);
    let write = operator_passkeys::delete(tenant, &operator.id, id);
    match app.database.run(log_events::append(write, tenant, &event)).await? {
        Written::Done | Written::Overtaken => Ok(()),
    }
}

/// Challenges whoever wants to sign in; nobody says yet who that is.
pub async fn challenge_to_sign_in(
    app: &App,
    (context, host): (&Context, &str),
    now: Timestamp,
) -> Result<Challenge, Denial> {
    let (options, state) = party(context, host, &[])?
        .webauthn()
        .start_discoverable_authentication()
        .map_err(Broken::because)?;
    let options = serde_json::to_value(options).map_err(Broken::because)?;
    let state = serde_json::to_string(&state).map_err(Broken::because)?;
    keep(app, context, (None, state, options), now).await
}

/// Signs in whom the passkey belongs to; `None` if it proves nothing.
pub async fn sign_in_by_passkey(
    app: &App,
    ((context, host), meta): ((&Context, &str), &Meta),
    answer: &Value,
    now: Timestamp,
) -> Result<Option<NewSession>, Denial> {
    let tenant = &context.tenant.id;
    let ceremony = taken_from(app, context, answer, now).await?;
    if ceremony.operator.is_some() {
        return Ok(None);
    }
    let state: DiscoverableAuthentication =
        serde_json::from_str(&ceremony.document).map_err(Broken::because)?;
    let credential: PublicKeyCredential = credential(answer)?;
    let party = party(context, host, &[])?;
    let webauthn = party.webauthn();
    let Ok((handle, id)) = webauthn.identify_discoverable_authentication(&credential) else {
        return Ok(None);
    };
    let (handle, id) = (handle.simple().to_string(), Fingerprint::of(id));
    let known = operator_passkeys::of_operator(&app.database, tenant, &handle).await?;
    let Some(row) = known.into_iter().find(|row| row.id == id) else { return Ok(None) };
    let mut passkey = read(&row)?;
    let proven = webauthn.finish_discoverable_authentication_v2(&credential, state, &passkey);
    let Ok(proven) = proven else { return Ok(None) };
    // `None`: another credential. Whether anything changed does not matter here.
    if passkey.update_credential(&proven).is_none() {
        return Ok(None);
    }
    let document = serde_json::to_string(&passkey).map_err(Broken::because)?;
    let Some(operator) = operators::one(&app.database, tenant, &handle).await? else {
        return Ok(None);
    };
    let proof = operator_passkeys::take_ceremony(tenant, &ceremony.fingerprint)
        .and(operator_passkeys::used(tenant, &row, &document, now));
    Ok(sessions::begin(app, (tenant, meta), (proof, operator, Method::Passkey), now).await?)
}

async fn keep(
    app: &App,
    context: &Context,
    (operator, document, options): (Option<String>, String, Value),
    now: Timestamp,
) -> Result<Challenge, Denial> {
    let name = app.entropy.base64url::<32>();
    let ceremony = Ceremony {
        fingerprint: Fingerprint::of(name.as_bytes()),
        operator,
        document,
        expires_at: now.plus_seconds(CEREMONY_S),
    };
    let write = operator_passkeys::begin_ceremony(&context.tenant.id, &ceremony);
    match app.database.run(write).await? {
        Written::Done => {
            let options = options.get("publicKey").cloned().unwrap_or_default();
            Ok(Challenge { name, options })
        }
        Written::Overtaken => Err(Broken::because("two challenges of one name").into()),
    }
}

/// The challenge that the answer names.
async fn taken_from(
    app: &App,
    context: &Context,
    answer: &Value,
    now: Timestamp,
) -> Result<Ceremony, Denial> {
    let name = answer.get("challenge").and_then(Value::as_str).unwrap_or_default();
    let fingerprint = Fingerprint::of(name.as_bytes());
    let found =
        operator_passkeys::ceremony(&app.database, &context.tenant.id, &fingerprint, now).await?;
    found.ok_or_else(|| refused("it came too late, or twice"))
}

fn credential<T: serde::de::DeserializeOwned>(answer: &Value) -> Result<T, Denial> {
    let credential = answer.get("credential").cloned().unwrap_or_default();
    serde_json::from_value(credential).map_err(|error| refused(&error.to_string()))
}

fn refused(why: &str) -> Denial {
    Denied::InvalidBody(format!("The passkey was not accepted: {why}")).into()
}

fn read(row: &operator_passkeys::Passkey) -> Result<Passkey, Broken> {
    serde_json::from_str(&row.document).map_err(Broken::because)
}
