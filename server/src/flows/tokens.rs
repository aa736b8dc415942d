//! Making the tokens of one grant: what is signed, what is stored, what is answered.

use domain::ciba::request::WantedClaims;
use domain::jose::Algorithm;
use domain::oauth::binding::Binding;
use domain::oauth::claims::{self, Access, Act, Bound, Draft, Identity};
use domain::oauth::client::{Client, REFRESH_TOKEN_GRANT};
use domain::oauth::scope::Scope;
use domain::people::{Fields, User};
use domain::{Fingerprint, Timestamp, TransactionId};
use serde_json::{Map, Value};
use store::access_tokens::{self, AccessTokenRow};
use store::refresh_tokens::RefreshTokenRow;
use store::{Write, refresh_tokens};

use crate::App;
use crate::failure::{Broken, Failure};
use crate::keyring::Keyring;
use crate::known::KnownApi;
use crate::tenancy::Context;

/// An opaque access token lives this long: as long as one for an API does unless set (W163).
const OPAQUE_LIFETIME_S: i64 = 86_400;

/// The claim of an access token that names the claims `/userinfo` is to tell.
pub(super) const USERINFO_CLAIMS: &str = "userinfo_claims";

/// What a person granted, as a refresh token keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// The granted scopes.
    pub scope: Scope,
    /// The API, unless the token is for `/userinfo` alone.
    pub audience: Option<String>,
    /// When the person approved.
    pub auth_time: Timestamp,
    /// In which transaction.
    pub txn: Option<TransactionId>,
    /// What was approved in detail.
    pub authorization_details: Option<Value>,
    /// The authentication context class that was asked for and reached (C25).
    pub acr: Option<String>,
    /// Whether a passkey has verified the person (D14).
    pub is_verified: bool,
    /// The identifiers of further APIs (RFC 8707).
    pub further_audiences: Vec<String>,
    /// Claims that were asked for one by one.
    pub claims: WantedClaims,
}

impl Granted {
    /// The text that is stored.
    pub fn to_document(&self) -> String {
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        put("scope", self.scope.to_string().into());
        put("audience", self.audience.clone().into());
        put("auth_time", self.auth_time.ms().into());
        put("txn", self.txn.map(|txn| txn.to_string()).into());
        put("authorization_details", self.authorization_details.clone().into());
        put("acr", self.acr.clone().into());
        if self.is_verified {
            put("passkey", true.into());
        }
        for (name, list) in [
            ("further_audiences", Value::from(self.further_audiences.as_slice())),
            ("id_token_claims", Value::from(self.claims.id_token.as_slice())),
            ("userinfo_claims", Value::from(self.claims.userinfo.as_slice())),
        ] {
            if list.as_array().is_some_and(|list| !list.is_empty()) {
                put(name, list);
            }
        }
        Value::Object(document).to_string()
    }

    /// Reads the stored text.
    pub fn from_document(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let details = document.get("authorization_details").cloned();
        let texts = |name: &str| {
            let list = document.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str)
        };
        Some(Self {
            scope: Scope::of(text("scope")?.split(' ')),
            audience: text("audience").map(str::to_owned),
            auth_time: Timestamp::from_ms(document.get("auth_time")?.as_i64()?),
            txn: text("txn").and_then(TransactionId::from_hex),
            authorization_details: details.filter(|details| !details.is_null()),
            acr: text("acr").map(str::to_owned),
            is_verified: document.get("passkey").and_then(Value::as_bool).unwrap_or(false),
            further_audiences: texts("further_audiences").map(str::to_owned).collect(),
            claims: WantedClaims {
                id_token: WantedClaims::known(texts("id_token_claims")),
                userinfo: WantedClaims::known(texts("userinfo_claims")),
            },
        })
    }

    /// The identifiers of its APIs.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.audience.iter().chain(&self.further_audiences).map(String::as_str)
    }
}

/// For whom and for what tokens are made.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The issuer they name: the one under which the person was asked.
    pub issuer: &'a str,
    /// The client that gets them.
    pub client: &'a Client,
    /// The person they are about.
    pub user: &'a User,
    /// What was granted.
    pub granted: &'a Granted,
    /// `gty`, for a refresh.
    pub gty: Option<&'static str>,
    /// The family of refresh tokens they belong to, if it exists already.
    pub family: Option<&'a str>,
    /// The request they are pushed for, with the refresh token that goes with them.
    pub pushed: Option<(&'a str, Option<&'a str>)>,
    /// What access tokens are bound to.
    pub binding: Option<&'a Binding>,
}

/// Tokens ready to be handed out once `write` has happened.
#[derive(Debug)]
pub struct Minted {
    /// The members of the answer.
    pub answer: Map<String, Value>,
    /// What must be stored with the fact that spends the grant.
    pub write: Write,
}

/// Makes access and ID token. What needs storing is in the write that comes back.
pub async fn mint(
    app: &App,
    context: &Context,
    order: &Order<'_>,
    now: Timestamp,
) -> Result<Minted, Failure> {
    let keys = app.signing_keys(&context.tenant.id, now).await?;
    let mut apis = Vec::new();
    for identifier in order.granted.audiences() {
        apis.extend(app.api(&context.tenant.id, identifier, now).await?);
    }
    let (access_token, lifetime_s, write) = access_token(app, context, order, (&apis, &keys), now)?;
    let mut answer = Map::new();
    if order.granted.scope.has("openid") {
        let id_token = id_token(order, (&keys, &access_token), now)?;
        answer.insert(String::from("id_token"), id_token.into());
    }
    answer.insert(String::from("access_token"), access_token.into());
    answer.insert(String::from("scope"), order.granted.scope.to_string().into());
    answer.insert(String::from("expires_in"), lifetime_s.into());
    answer.insert(String::from("token_type"), token_type(order.binding).into());
    if let Some(details) = &order.granted.authorization_details {
        answer.insert(String::from("authorization_details"), details.clone());
    }
    Ok(Minted { answer, write })
}

fn access_token(
    app: &App,
    context: &Context,
    order: &Order<'_>,
    (apis, keys): (&[KnownApi], &Keyring),
    now: Timestamp,
) -> Result<(String, i64, Write), Broken> {
    let wanted = &order.granted.claims.userinfo;
    let Some((api, further)) = apis.split_first() else {
        let token = app.entropy.base64url::<32>();
        let row = AccessTokenRow {
            hash: Fingerprint::of(token.as_bytes()),
            client_id: order.client.id.clone(),
            user_id: order.user.id().clone(),
            scope: order.granted.scope.to_string(),
            family: order.family.map(str::to_owned),
            confirmation: order.binding.map(|binding| binding.confirmation().to_string()),
            claims: (!wanted.is_empty()).then(|| wanted.join(" ")),
            created_at: now,
            expires_at: now.plus_seconds(OPAQUE_LIFETIME_S),
        };
        let write = access_tokens::insert(&context.tenant.id, &row);
        return Ok((token, OPAQUE_LIFETIME_S, write));
    };
    let jti = app.entropy.base64url::<16>();
    let access = Access {
        issuer: order.issuer,
        api,
        client: &order.client.id,
        scope: &order.granted.scope,
        now,
        jti: &jti,
    };
    let details = order.granted.authorization_details.as_ref();
    let mut draft = claims::user_access_token(&access, order.user.id(), order.gty, &[], details);
    claims::tell_approval(&mut draft, order.granted.acr.as_deref(), order.granted.auth_time);
    if !further.is_empty() {
        claims::widen(&mut draft, &access, further);
    }
    if !wanted.is_empty() {
        draft.claims.insert(String::from(USERINFO_CLAIMS), wanted.join(" ").into());
    }
    confirm(&mut draft, order.binding);
    let lifetime_s = draft.lifetime_s;
    Ok((sign(keys, draft)?, lifetime_s, Write::new()))
}

/// Says in a token what it is bound to.
pub fn confirm(draft: &mut Draft, binding: Option<&Binding>) {
    if let Some(binding) = binding {
        draft.claims.insert(String::from("cnf"), binding.confirmation());
    }
}

/// How a token is presented.
pub fn token_type(binding: Option<&Binding>) -> &'static str {
    binding.map_or("Bearer", Binding::token_type)
}

fn id_token(
    order: &Order<'_>,
    (keys, access_token): (&Keyring, &str),
    now: Timestamp,
) -> Result<String, Broken> {
    let identity = Identity {
        issuer: order.issuer,
        client: &order.client.id,
        alg: &order.client.id_token_alg,
        lifetime_s: order.client.id_token_lifetime_s,
        user: order.user.id(),
        person: &order.user.to_json(&Fields::All),
        scope: &order.granted.scope,
        auth_time: order.granted.auth_time,
        act: Act { acr: order.granted.acr.as_deref(), amr: methods(order.granted) },
        txn: order.granted.txn,
    };
    let mut draft = claims::id_token(&identity, now);
    claims::tell_claims(&mut draft.claims, identity.person, &order.granted.claims.id_token);
    if let Some((auth_req_id, refresh_token)) = order.pushed {
        claims::bind(&mut draft, &Bound { auth_req_id, access_token, refresh_token });
    }
    sign(keys, draft)
}

/// What was done (RFC 8176): a device proved a key that it holds, and where a passkey confirmed it, the
/// person was there and was verified, which makes two factors. No key is attested, so each counts as
/// kept by software: Guardian's apps and browsers keep theirs so.
const fn methods(granted: &Granted) -> &'static [&'static str] {
    if granted.is_verified { &["swk", "mca", "mfa", "user"] } else { &["swk", "mca"] }
}

/// Signs a draft with the tenant's key for its algorithm.
pub fn sign(keys: &Keyring, draft: Draft) -> Result<String, Broken> {
    let algorithm = Algorithm::from_name(&draft.alg)
        .ok_or_else(|| Broken::because(format!("`{}` is no algorithm of ours", draft.alg)))?;
    keys.sign(algorithm, draft.typ, &Value::Object(draft.claims))
}

/// A fresh refresh token for the grant and its row; `None` unless client, scope and API allow one
/// (W148, W149).
pub fn refresh_token(
    app: &App,
    order: &Order<'_>,
    now: Timestamp,
) -> Option<(String, RefreshTokenRow)> {
    let allowed =
        order.granted.scope.has("offline_access") && order.client.has_grant(REFRESH_TOKEN_GRANT);
    allowed.then(|| {
        let token = format!("v1.{}", app.entropy.base64url::<48>());
        let settings = &order.client.refresh_tokens;
        let family = order.family.map_or_else(|| app.entropy.base64url::<16>(), str::to_owned);
        let row = RefreshTokenRow {
            hash: Fingerprint::of(token.as_bytes()),
            id: format!("rt_{}", app.entropy.alphanumerics(24)),
            family,
            client_id: order.client.id.clone(),
            user_id: order.user.id().clone(),
            grant: order.granted.to_document(),
            created_at: now,
            last_used_at: None,
            idle_expires_at: settings.idle_lifetime_s.map(|seconds| now.plus_seconds(seconds)),
            expires_at: settings.lifetime_s.map(|seconds| now.plus_seconds(seconds)),
            rotated_at: None,
            is_revoked: false,
            metadata: None,
        };
        (token, row)
    })
}

/// The write that stores a refresh token.
pub fn store_refresh_token(context: &Context, row: &RefreshTokenRow) -> Write {
    refresh_tokens::insert(&context.tenant.id, row)
}
