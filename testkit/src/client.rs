//! A client application.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::jose::{Algorithm, HeaderFields, KeyType, SigningKey};
use domain::oauth::client::CIBA_GRANT;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::form::Form;
use crate::world::World;

/// The value of `client_assertion_type`.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client proves who it is.
#[derive(Clone, Debug)]
pub enum Proof {
    /// `client_secret` in the body.
    Secret(String),
    /// HTTP Basic.
    Basic(String),
    /// A fresh assertion signed with this key.
    Assertion(Arc<SigningKey>),
    /// `client_id` alone.
    Nothing,
}

/// A client application and how it proves who it is.
#[derive(Clone, Debug)]
pub struct Client<'w> {
    world: &'w World,
    id: String,
    proof: Proof,
    /// Proves with each request for people or tokens that it holds this key.
    bound_to: Option<Arc<SigningKey>>,
}

impl<'w> Client<'w> {
    pub(crate) fn new(world: &'w World, id: &str, proof: Proof) -> Self {
        Self { world, id: id.to_owned(), proof, bound_to: None }
    }

    /// The same client in another World (a second node) or with another proof.
    #[must_use]
    pub fn at<'o>(&self, world: &'o World) -> Client<'o> {
        let (id, proof, bound_to) = (self.id.clone(), self.proof.clone(), self.bound_to.clone());
        Client { world, id, proof, bound_to }
    }

    /// The same client, proving itself otherwise.
    #[must_use]
    pub fn proving(&self, proof: Proof) -> Self {
        Self { proof, ..self.clone() }
    }

    /// The same client, with a `DPoP` proof of this key at each request for people or tokens.
    #[must_use]
    pub fn bound_to(&self, key: &Arc<SigningKey>) -> Self {
        Self { bound_to: Some(Arc::clone(key)), ..self.clone() }
    }

    /// Its `client_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its secret.
    #[track_caller]
    pub fn secret(&self) -> &str {
        match &self.proof {
            Proof::Secret(secret) | Proof::Basic(secret) => secret,
            Proof::Assertion(_) | Proof::Nothing => panic!("{} has no secret", self.id),
        }
    }

    /// `login_hint` for a person.
    pub fn hint(&self, person: &str) -> String {
        let user = self.world.user_id(person);
        json!({"format": "iss_sub", "iss": self.world.issuer(), "sub": user.as_str()}).to_string()
    }

    /// A good request for a person, without credentials.
    pub fn asking(&self, person: &str) -> Form {
        Form::new()
            .with("scope", "openid")
            .with("binding_message", self.world.pockets().next_message())
            .with("login_hint", self.hint(person))
    }

    /// The claims of a signed request (CIBA Core 7.1.1) with these parameters.
    pub fn request_claims(&self, form: &Form) -> Value {
        let now = self.world.now().seconds();
        let mut claims = form.to_json();
        for (name, value) in [
            ("iss", json!(self.id)),
            ("aud", json!(self.world.issuer())),
            ("iat", json!(now)),
            ("nbf", json!(now)),
            ("exp", json!(now + 60)),
            ("jti", json!(self.world.pockets().next_jti())),
        ] {
            claims[name] = value;
        }
        claims
    }

    /// The poll of a request, without credentials.
    pub fn polling(&self, auth_req_id: &str) -> Form {
        Form::new().with("grant_type", CIBA_GRANT).with("auth_req_id", auth_req_id)
    }

    /// A good assertion's claims.
    pub fn assertion_claims(&self) -> Value {
        let now = self.world.now().seconds();
        json!({
            "iss": self.id, "sub": self.id, "aud": self.world.issuer(),
            "iat": now, "exp": now + 60, "jti": self.world.pockets().next_jti(),
        })
    }

    /// An assertion with these claims under this header type.
    pub fn assertion(key: &SigningKey, claims: &Value, typ: Option<&str>) -> String {
        let algorithm = key.public().key_type().default_algorithm();
        Self::assertion_by(key, algorithm, claims, typ)
    }

    /// An assertion signed with a certain algorithm.
    pub fn assertion_by(
        key: &SigningKey,
        algorithm: Algorithm,
        claims: &Value,
        typ: Option<&str>,
    ) -> String {
        let fields = HeaderFields { typ, ..HeaderFields::default() };
        key.sign(algorithm, &fields, &claims.to_string()).unwrap()
    }

    /// The form with an assertion as credentials.
    pub fn with_assertion(&self, form: Form, assertion: impl Into<String>) -> Form {
        form.with("client_id", &self.id)
            .with("client_assertion_type", ASSERTION_TYPE)
            .with("client_assertion", assertion)
    }

    /// The form with the client's credentials, and the headers that go with it.
    pub fn credentials(&self, form: Form) -> (Form, Vec<(&'static str, String)>) {
        match &self.proof {
            Proof::Secret(secret) => {
                (form.with("client_id", &self.id).with("client_secret", secret), Vec::new())
            }
            Proof::Basic(secret) => (form, vec![("authorization", basic(&self.id, secret))]),
            Proof::Assertion(key) => {
                let assertion = Self::assertion(key, &self.assertion_claims(), None);
                (self.with_assertion(form, assertion), Vec::new())
            }
            Proof::Nothing => (form.with("client_id", &self.id), Vec::new()),
        }
    }

    /// Posts a form with the client's credentials.
    pub async fn posts(&self, path: &str, form: Form) -> Answer {
        let (form, mut headers) = self.credentials(form);
        let takes_proofs = ["oauth/token", "bc-authorize"].contains(&path);
        if let Some(key) = self.bound_to.as_ref().filter(|_| takes_proofs) {
            headers.push(("dpop", dpop_proof(key, &self.proof_claims(path))));
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.post_form(path, &form, &headers).await
    }

    /// The claims of a new `DPoP` proof for a POST.
    pub fn proof_claims(&self, path: &str) -> Value {
        json!({
            "htm": "POST", "htu": self.world.url(path), "iat": self.world.now().seconds(),
            "jti": self.world.app().entropy.hex::<12>(),
        })
    }

    /// Posts JSON with the client's credentials.
    pub async fn posts_json(&self, path: &str, mut body: Value) -> Answer {
        let (form, headers) = self.credentials(Form::new());
        for (name, value) in form.to_json().as_object().unwrap() {
            body[name] = value.clone();
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.post_json(path, &body, &headers).await
    }

    /// `POST /bc-authorize`; whatever it started is pushed at once.
    pub async fn starts(&self, form: Form) -> Answer {
        let message = form.get("binding_message").map(str::to_owned);
        let message = message.or_else(|| signed_message(form.get("request")?)).unwrap_or_default();
        let answer = self.posts("bc-authorize", form).await;
        if answer.status == 200 {
            self.world.pockets().remember(&answer.member("auth_req_id"), &message);
            self.world.run_worker().await;
        }
        answer
    }

    /// A good request for a person, who gets a phone if there is none; its `auth_req_id`.
    pub async fn asks_for(&self, person: &str) -> String {
        self.asks_with(person, |form| form).await
    }

    /// A request for a person with some parameters changed; its `auth_req_id`.
    pub async fn asks_with(&self, person: &str, change: impl FnOnce(Form) -> Form) -> String {
        self.world.phone_of(person).is_ready().await;
        let answer = self.starts(change(self.asking(person))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.member("auth_req_id")
    }

    /// One poll.
    pub async fn poll(&self, auth_req_id: &str) -> Answer {
        self.posts("oauth/token", self.polling(auth_req_id)).await
    }

    /// One poll, in two words: `400 authorization_pending`, `200`.
    pub async fn polls(&self, auth_req_id: &str) -> String {
        self.poll(auth_req_id).await.summary()
    }

    /// A poll that would rather wait so many seconds than be told that nothing was decided.
    pub async fn long_poll(&self, auth_req_id: &str, wait_s: i64) -> Answer {
        let (form, mut headers) = self.credentials(self.polling(auth_req_id));
        headers.push(("prefer", format!("wait={wait_s}")));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.world.post_form("oauth/token", &form, &headers).await
    }

    /// The tokens of an approved request.
    pub async fn redeems(&self, auth_req_id: &str) -> Value {
        let answer = self.poll(auth_req_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The tokens of a request that the person approves at once.
    pub async fn gets_tokens(&self, person: &str, change: impl FnOnce(Form) -> Form) -> Value {
        let id = self.asks_with(person, change).await;
        self.world.phone_of(person).approves(&id).await;
        self.redeems(&id).await
    }

    /// `grant_type=refresh_token`.
    pub async fn refreshes(&self, refresh_token: &str) -> Answer {
        let form =
            Form::new().with("grant_type", "refresh_token").with("refresh_token", refresh_token);
        self.posts("oauth/token", form).await
    }

    /// `POST /oauth/revoke`.
    pub async fn revokes(&self, token: &str) -> Answer {
        self.posts("oauth/revoke", Form::new().with("token", token)).await
    }

    /// `POST /ciba/cancel`.
    pub async fn cancels(&self, auth_req_id: &str) -> Answer {
        self.posts("ciba/cancel", Form::new().with("auth_req_id", auth_req_id)).await
    }

    /// `grant_type=client_credentials`.
    pub async fn asks_for_itself(&self, audience: &str) -> Answer {
        let form = Form::new().with("grant_type", "client_credentials").with("audience", audience);
        self.posts("oauth/token", form).await
    }
}

/// The binding message inside a signed request.
fn signed_message(request: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(request.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["binding_message"].as_str()?.to_owned())
}

/// A `DPoP` proof with these claims (RFC 9449 4.2).
pub fn dpop_proof(key: &SigningKey, claims: &Value) -> String {
    let fields =
        HeaderFields { typ: Some("dpop+jwt"), jwk: Some(key.public()), ..HeaderFields::default() };
    let algorithm = match key.public().key_type() {
        KeyType::Rsa => Algorithm::Ps256,
        other @ (KeyType::P256 | KeyType::P384 | KeyType::Ed25519) => other.default_algorithm(),
    };
    key.sign(algorithm, &fields, &claims.to_string()).unwrap()
}

/// The value of `Authorization` for HTTP Basic, with both halves as they stand.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
