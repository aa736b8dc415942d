//! Virtual phones (decision 19): devices that live in the development server. Each has a key of
//! its own and goes the way of any device: it reads its push, proves its key to read the consent,
//! and signs its answer.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use device_protocol::guardian::proof::{self, Proof};
use device_protocol::guardian::resolve::{self, Decision};
use domain::ciba::transaction::Facts;
use domain::jose::{Algorithm, SigningKey, auth_req_hash};
use domain::people::{Device, PushService};
use domain::{ConsentId, DeviceId, Fingerprint, Timestamp, UserId};
use serde_json::Value;
use store::{Written, enrollments, transactions, users};

use crate::App;
use crate::failure::{Broken, DeviceFailure};
use crate::flows::{self, ConsentRequest, Sent};
use crate::meta::Meta;
use crate::push::{self, PushContext};
use crate::secrets::Secrets;
use crate::tenancy::Context;

/// A key that is no number below the order of P-256 comes once in four thousand million times.
const KEY_TRIES: u8 = 4;

/// Why a development tool does not do what it was asked.
#[derive(Debug)]
pub enum Refused {
    /// There is no such user or request.
    NotFound(String),
    /// It cannot be done as things stand.
    Conflict(String),
    /// Ours to mend.
    Failed(Broken),
}

impl From<Broken> for Refused {
    fn from(broken: Broken) -> Self {
        Self::Failed(broken)
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<DeviceFailure> for Refused {
    fn from(failure: DeviceFailure) -> Self {
        match failure {
            DeviceFailure::Refused(_, sentence) => Self::Conflict(sentence),
            DeviceFailure::Broken(broken) => Self::Failed(broken),
        }
    }
}

/// The user's virtual phone, made if there is none.
pub async fn give_phone(
    app: &App,
    context: &Context,
    user: &UserId,
    now: Timestamp,
) -> Result<Device, Refused> {
    let tenant = &context.tenant.id;
    if users::one(&app.database, tenant, user).await?.is_none() {
        return Err(Refused::NotFound(format!("there is no user {user}")));
    }
    if let Some(phone) = phone_of(app, context, user).await? {
        return Ok(phone);
    }
    let id = DeviceId::new(format!("dev_{}", app.entropy.alphanumerics(16)));
    let key = key_of(&app.secrets, &id)?;
    let phone = Device {
        user: user.clone(),
        identifier: format!("virtual-{}", app.entropy.alphanumerics(16)),
        name: String::from("Virtual phone"),
        push_service: PushService::Virtual,
        push_token: Some(format!("virtual-{}", app.entropy.alphanumerics(32))),
        public_jwk: key.public().canonical_json().to_owned(),
        base_url: context.base.origin().to_owned(),
        enrolled_at: now,
        last_auth_at: None,
        own: None,
        id,
    };
    // It has no use for an opaque token: nobody ever hears this one.
    let token = Fingerprint::of(&app.entropy.bytes::<32>());
    match app.database.run(enrollments::insert(tenant, &phone, token)).await? {
        Written::Done => {
            tracing::info!(user.id = %user, device.id = %phone.id, "virtual phone given");
            Ok(phone)
        }
        Written::Overtaken => Err(Broken::because("two devices of one name").into()),
    }
}

/// The user's virtual phone answers a request.
pub async fn phone_answers(
    app: &App,
    context: &Context,
    (auth_req_id, says_yes, number): (&str, bool, Option<&str>),
    now: Timestamp,
) -> Result<(), Refused> {
    let hash = auth_req_hash(auth_req_id);
    let found = transactions::find(&app.database, &context.tenant.id, &hash).await?;
    let unknown = || Refused::NotFound(String::from("there is no request with this auth_req_id"));
    let transaction = found.ok_or_else(unknown)?.at(now);
    let facts = transaction.facts();
    let phone = phone_of(app, context, facts.user_id()).await?.ok_or_else(|| {
        Refused::Conflict(format!(
            "the user has no virtual phone; POST /dev/users/{}/phone gives one, before the request",
            facts.user_id()
        ))
    })?;
    let push = Received::of(app, facts, &phone)?;
    let key = key_of(&app.secrets, &phone.id)?;
    read_consent(app, context, (&push, &key), now).await?;
    answer(app, context, (&phone, &push, &key), (says_yes, number), now).await
}

async fn phone_of(app: &App, context: &Context, user: &UserId) -> Result<Option<Device>, Refused> {
    let devices = enrollments::of_user(&app.database, &context.tenant.id, user).await?;
    Ok(devices.into_iter().find(|device| device.push_service == PushService::Virtual))
}

/// What the phone reads of its push.
struct Received {
    consent: ConsentId,
    txtkn: String,
    challenge: String,
}

impl Received {
    /// The push of this request, from the tray; from the row where it is still on its way, or was
    /// delivered before a restart.
    fn of(app: &App, facts: &Facts, phone: &Device) -> Result<Self, Refused> {
        let consent = facts.consent_id.as_str();
        let token = phone.push_token.as_deref().unwrap_or_default();
        let pushes = app.courier.tray().map(|tray| tray.pushes_to(token)).unwrap_or_default();
        let mut payloads = pushes.into_iter().map(|entry| entry.payload);
        let payload = payloads.find(|payload| text(payload, "txlnkid") == consent);
        let payload = match payload {
            Some(payload) => payload,
            None => sent_to(app, facts, phone)?,
        };
        Ok(Self {
            consent: ConsentId::new(text(&payload, "txlnkid")),
            txtkn: text(&payload, "txtkn").to_owned(),
            challenge: text(&payload, "c").to_owned(),
        })
    }
}

fn text<'a>(payload: &'a Value, name: &str) -> &'a str {
    payload.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The payload that this phone is sent.
fn sent_to(app: &App, facts: &Facts, phone: &Device) -> Result<Value, Refused> {
    let early = || Refused::Conflict(String::from("the request began before the phone was there"));
    let challenge = facts.challenge_of(&phone.id).ok_or_else(early)?;
    let keys = app.secrets.of_request(&facts.txn, &facts.auth_req_hash);
    let txtkn = flows::token(facts, phone).sign(keys.txtkn);
    let words = PushContext { tenant_name: "", client_name: "", sdk: None };
    let parcel = push::compose(facts, (challenge, txtkn), phone, &words)?;
    parcel.map(|parcel| parcel.payload).ok_or_else(early)
}

async fn read_consent(
    app: &App,
    context: &Context,
    (push, key): (&Received, &SigningKey),
    now: Timestamp,
) -> Result<(), Refused> {
    let claims = Proof {
        url: &context.base.url(&format!("rich-consents/{}", push.consent)),
        txtkn: &push.txtkn,
        jti: &app.entropy.hex::<16>(),
        issued_at: now.seconds(),
    };
    let jwk = key.public().to_jwk(None, Some(Algorithm::Es256));
    let header = proof::header(Algorithm::Es256.name(), &jwk);
    let proof = signed(key, &header, &claims.claims())?;
    let meta = meta();
    let sent = ConsentRequest {
        id: &push.consent,
        txtkn: &push.txtkn,
        proof: Some(&proof),
        languages: "",
        meta: &meta,
    };
    flows::read_consent(app, context, sent, now).await?;
    Ok(())
}

async fn answer(
    app: &App,
    context: &Context,
    (phone, push, key): (&Device, &Received, &SigningKey),
    (says_yes, number): (bool, Option<&str>),
    now: Timestamp,
) -> Result<(), Refused> {
    let mut claims = resolve::Answer {
        identifier: &phone.identifier,
        challenge: &push.challenge,
        url: &context.base.url("appliance-mfa/api/resolve-transaction"),
        issued_at: now.seconds(),
        decision: if says_yes { Decision::Accepted } else { Decision::Rejected { reason: None } },
    }
    .claims();
    if let (Some(number), Some(members)) = (number, claims.as_object_mut()) {
        members.insert(String::from(resolve::MATCH_CLAIM), number.into());
    }
    let jwt = signed(key, &resolve::header(Algorithm::Es256.name()), &claims)?;
    let sent = Sent { bearer: &push.txtkn, body: Ok(resolve::body(&jwt)), meta: &meta() };
    flows::answer_challenge(app, context, sent, now).await?;
    Ok(())
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> Result<String, Broken> {
    key.sign_compact(Algorithm::Es256, &header.to_string(), &claims.to_string())
        .map_err(Broken::because)
}

fn meta() -> Meta {
    Meta { user_agent: Some(String::from("Aizuchi virtual phone")), ..Meta::default() }
}

/// The phone's key: made from a key of ours and the phone's name, so that it is the same after a
/// restart and stored nowhere.
fn key_of(secrets: &Secrets, phone: &DeviceId) -> Result<SigningKey, Broken> {
    let mac = hmac::Key::new(hmac::HMAC_SHA256, &secrets.virtual_phones);
    for attempt in 0..KEY_TRIES {
        let scalar = hmac::sign(&mac, &[&[attempt], phone.as_str().as_bytes()].concat());
        let Ok(private) = PrivateKey::from_private_key(&ECDH_P256, scalar.as_ref()) else {
            continue;
        };
        let public = private.compute_public_key().map_err(Broken::because)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar.as_ref(),
            public.as_ref(),
        );
        let document = pair.map_err(|refused| Broken::because(refused.to_string()))?;
        let document = document.to_pkcs8v1().map_err(Broken::because)?;
        return SigningKey::from_pkcs8(document.as_ref()).map_err(Broken::because);
    }
    Err(Broken::because("no key could be made for a virtual phone"))
}
