//! The pairwise matrix: mode, authentication, signed or not, binding, profile, hint and outcome, each
//! value of each met with each of every other, through public doors, behind a proxy that passes
//! certificates on.

use std::sync::Arc;

use device_protocol::guardian::resolve::Decision;
use domain::jose::{Algorithm, HeaderFields, KeyType, SigningKey};
use serde_json::{Value, json};
use server::config::{CertificateHeaders, Config};
use server::outside::Outbound;
use server::tenancy::{Settings, TrustedIssuer};
use testkit::push_services::Scripted;
use testkit::{
    Answer, Client, Form, Proof, World, client_key, dpop_proof, encoded, p256_key, tenant_keys,
};

use super::authority::{Held, params, self_signed};
use super::covering::rows;
use super::proxies::{PROXY, VERIFIED, posts};
use super::{subject, x509};

const BROKER: &str = "https://broker.example/";
const NOTIFICATION: &str = "8d67dc78-7faa-4d41-aabd-6770";
const SIGNS: &str = "backchannel_authentication_request_signing_alg";

const MODES: [&str; 4] = ["poll", "long poll", "ping", "push"];
const AUTHENTICATIONS: [&str; 6] = [
    "PS256",
    "ES256",
    "Ed25519",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "client_secret_basic",
];
const REQUESTS: [&str; 2] = ["unsigned", "signed"];
const BINDINGS: [&str; 3] = ["none", "mTLS", "DPoP"];
const PROFILES: [&str; 4] = ["strict", "ciba-2021", "fapi 1.0", "fapi 2.0"];
const HINTS: [&str; 3] = ["login_hint", "id_token_hint", "login_hint_token"];
const OUTCOMES: [&str; 5] = ["approve", "deny", "expire", "lock", "error"];

/// One row, by name.
#[derive(Clone, Copy, Debug)]
struct Case {
    mode: &'static str,
    authentication: &'static str,
    request: &'static str,
    binding: &'static str,
    profile: &'static str,
    hint: &'static str,
    outcome: &'static str,
}

impl Case {
    fn of(row: &[usize]) -> Self {
        Self {
            mode: MODES[row[0]],
            authentication: AUTHENTICATIONS[row[1]],
            request: REQUESTS[row[2]],
            binding: BINDINGS[row[3]],
            profile: PROFILES[row[4]],
            hint: HINTS[row[5]],
            outcome: OUTCOMES[row[6]],
        }
    }

    fn is_fapi(&self) -> bool {
        self.profile.starts_with("fapi")
    }

    /// `fapi-ciba` knows no push, no secrets, no unbound tokens, and in 1.0 no unsigned requests.
    fn is_allowed(&self) -> bool {
        let outside = self.mode == "push"
            || self.authentication == "client_secret_basic"
            || self.binding == "none"
            || (self.profile == "fapi 1.0" && self.request == "unsigned");
        !(self.is_fapi() && outside)
    }

    fn is_by_certificate(&self) -> bool {
        self.authentication.ends_with("tls_client_auth")
    }

    /// The key that signs assertions and requests.
    fn key(&self) -> Arc<SigningKey> {
        match self.authentication {
            "PS256" => client_key(),
            "Ed25519" => Arc::new(SigningKey::generate(KeyType::Ed25519).unwrap()),
            _ => p256_key(),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self.authentication {
            "PS256" => Algorithm::Ps256,
            "Ed25519" => Algorithm::Ed25519,
            _ => Algorithm::Es256,
        }
    }
}

/// A World with the case's client in it.
struct Scene {
    case: Case,
    world: World,
    script: Arc<Scripted>,
    id: String,
    key: Arc<SigningKey>,
    held: Held,
}

async fn scene(case: Case) -> Scene {
    let (key, held) = (case.key(), self_signed(&params("bank")));
    let jwks = json!({"keys": [key.public().to_jwk(Some("k"), Some(case.algorithm()))]});
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    let trusted = TrustedIssuer { issuer: BROKER.to_owned(), jwks: jwks.clone() };
    let world = World::builder()
        .profile(if case.is_fapi() { "fapi-ciba" } else { "ciba" })
        .outbound(outbound)
        .configured(|config: &mut Config| {
            config.proxy.trusted = vec!["10.0.0.0/8".parse().unwrap()];
            config.proxy.client_certificate = CertificateHeaders::Plain;
        })
        .settings(move |all: &mut Settings| all.login_hint_token_issuers = vec![trusted])
        .start()
        .await;
    world.phone_of("alice").is_ready().await;
    let members = members(&case, &jwks);
    let id = registered(&case, &world, members, (&key, &held)).await;
    Scene { case, world, script, id, key, held }
}

fn members(case: &Case, jwks: &Value) -> Value {
    let mut members = json!({"jwks": jwks});
    if case.request == "signed" {
        members[SIGNS] =
            if case.authentication == "Ed25519" { "EdDSA" } else { case.algorithm().name() }.into();
    }
    if ["ping", "push"].contains(&case.mode) {
        members["backchannel_token_delivery_mode"] = case.mode.into();
        members["backchannel_client_notification_endpoint"] = "https://shop.example.com/cb".into();
    }
    match case.profile {
        "ciba-2021" => members["assertion_audience"] = "ciba-2021".into(),
        "fapi 2.0" => members["fapi_version"] = "2.0".into(),
        _ => {}
    }
    match case.binding {
        "mTLS" => members["tls_client_certificate_bound_access_tokens"] = true.into(),
        "DPoP" => members["dpop_bound_access_tokens"] = true.into(),
        _ => {}
    }
    members
}

/// The id of the case's client.
async fn registered(
    case: &Case,
    world: &World,
    mut members: Value,
    (key, held): (&Arc<SigningKey>, &Held),
) -> String {
    let pem = include_str!("../auth0/client_key_public.pem");
    let methods = match case.authentication {
        "client_secret_basic" => return world.registers("shop", members).await.id().to_owned(),
        "ES256" | "Ed25519" => {
            let client = world.registers_with_key("shop", Arc::clone(key), members).await;
            return client.id().to_owned();
        }
        "tls_client_auth" => {
            json!({"tls_client_auth": {"credentials": [subject("O=Example,CN=bank")]}})
        }
        "self_signed_tls_client_auth" => {
            json!({"self_signed_tls_client_auth": {"credentials": [x509(held)]}})
        }
        _ => json!({"private_key_jwt": {"credentials": [
            {"credential_type": "public_key", "name": "k", "alg": "PS256", "pem": pem},
        ]}}),
    };
    members["client_authentication_methods"] = methods;
    members["name"] = "shop".into();
    members["oidc_conformant"] = true.into();
    members["grant_types"] = json!(["urn:openid:params:grant-type:ciba"]);
    members["profile"] = if case.is_fapi() { "fapi-ciba" } else { "ciba" }.into();
    let made = world.operator().posts("clients", &members).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.member("client_id")
}

impl Scene {
    fn client(&self) -> Client<'_> {
        self.world.client_of(&self.id, Proof::Nothing)
    }

    /// Posts a form as the case's client does.
    async fn posts(&self, path: &str, form: Form, prefer: Option<&str>) -> Answer {
        let (client, case) = (self.client(), &self.case);
        let mut headers = Vec::new();
        let form = match case.authentication {
            "client_secret_basic" => {
                let basic = client.proving(Proof::Basic(format!("secret-of-{}", self.id)));
                let (form, more) = basic.credentials(form);
                headers.extend(more);
                form
            }
            _ if case.is_by_certificate() => form.with("client_id", &self.id),
            _ => {
                let mut claims = client.assertion_claims();
                // Only these two endpoints are audiences of 2021.
                let is_audience = ["bc-authorize", "oauth/token"].contains(&path);
                if case.profile == "ciba-2021" && is_audience {
                    claims["aud"] = self.world.url(path).into();
                }
                let jwt = Client::assertion_by(&self.key, case.algorithm(), &claims, None);
                client.with_assertion(form, jwt)
            }
        };
        if case.is_by_certificate() || case.binding == "mTLS" {
            headers.push(("client-certificate", encoded(&self.held.pem)));
            let vouches = case.authentication == "tls_client_auth";
            headers.push((VERIFIED, if vouches { "SUCCESS" } else { "FAILED" }.to_owned()));
        }
        if case.binding == "DPoP" && path != "oauth/introspect" {
            headers.push(("dpop", dpop_proof(&self.key, &client.proof_claims(path))));
        }
        headers.extend(prefer.map(|prefer| ("prefer", prefer.to_owned())));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        posts(&self.world, PROXY, (path, form.encode()), &headers).await
    }

    async fn id_token(&self) -> String {
        let set = self.world.get(".well-known/jwks.json").await.json();
        let now = self.world.now().seconds();
        let claims = json!({
            "iss": self.world.issuer(), "aud": self.id, "sub": "auth0|alice",
            "iat": now, "exp": now + 60, "auth_time": now,
        });
        let published = set["keys"].as_array().unwrap();
        for key in tenant_keys() {
            let ours = key.public().to_jwk(None, None);
            let is_ours = |jwk: &&Value| {
                ["n", "x"].iter().any(|name| ours.get(*name).is_some() && ours[*name] == jwk[*name])
            };
            if let Some(jwk) = published.iter().find(is_ours) {
                let fields = HeaderFields { typ: Some("JWT"), kid: jwk["kid"].as_str(), jwk: None };
                let algorithm = key.public().key_type().default_algorithm();
                return key.sign(algorithm, &fields, &claims.to_string()).unwrap();
            }
        }
        panic!("no key of ours is published: {set}");
    }

    async fn asking(&self) -> Form {
        let form = self.client().asking("alice").with("requested_expiry", "60");
        let form = match self.case.hint {
            "login_hint" => form,
            "id_token_hint" => {
                form.without("login_hint").with("id_token_hint", self.id_token().await)
            }
            _ => {
                let now = self.world.now().seconds();
                let claims = json!({
                    "iss": BROKER, "aud": self.world.issuer(), "iat": now, "exp": now + 60,
                    "jti": "hint", "sub_id": {"format": "opaque", "id": "auth0|alice"},
                });
                let algorithm = self.case.algorithm();
                let token = Client::assertion_by(&self.key, algorithm, &claims, None);
                form.without("login_hint").with("login_hint_token", token)
            }
        };
        if ["ping", "push"].contains(&self.case.mode) {
            form.with("client_notification_token", NOTIFICATION)
        } else {
            form
        }
    }

    /// Begins; the request's id.
    async fn starts(&self) -> String {
        let asking = self.asking().await;
        let message = asking.get("binding_message").unwrap().to_owned();
        let form = if self.case.request == "signed" {
            let claims = self.client().request_claims(&asking);
            let algorithm = self.case.algorithm();
            Form::new().with("request", Client::assertion_by(&self.key, algorithm, &claims, None))
        } else {
            asking
        };
        let answer = self.posts("bc-authorize", form, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let is_push = self.case.mode == "push";
        assert_eq!(answer.json().get("interval").is_none(), is_push, "{}", answer.text());
        let id = answer.member("auth_req_id");
        self.world.remember(&id, &message).await;
        id
    }

    async fn polls(&self, id: &str) -> Answer {
        let prefer = (self.case.mode == "long poll").then_some("wait=30");
        self.posts("oauth/token", self.client().polling(id), prefer).await
    }

    /// What happens to the request at the person's end, or the client's.
    async fn happens(&self, id: &str) {
        let phone = self.world.phone_of("alice");
        match self.case.outcome {
            "expire" => self.world.advance_seconds(60),
            "error" => {
                let form = Form::new().with("auth_req_id", id);
                let answer = self.posts("ciba/cancel", form, None).await;
                assert_eq!(answer.status, 204, "{}", answer.text());
            }
            outcome => {
                let push = phone.push_of(id).await;
                let no = Decision::Rejected { reason: None };
                let decision = if outcome == "deny" { no } else { Decision::Accepted };
                assert_eq!(phone.answers(&push, decision).await.status, 204);
                if outcome == "lock" {
                    let body = json!({"blocked": true});
                    let path = "users/auth0%7Calice";
                    assert_eq!(self.world.operator().patches(path, &body).await.status, 200);
                }
            }
        }
        for _ in 0..3 {
            self.world.run_worker().await;
            self.world.advance_seconds(1);
        }
    }

    /// What the client learns when it asks, beside what it was told.
    async fn learns(&self, id: &str) -> Answer {
        if self.case.mode != "long poll" || self.case.outcome == "lock" {
            self.happens(id).await;
            return self.polls(id).await;
        }
        let happens = async {
            self.world.until_polls_wait(1).await;
            self.happens(id).await;
        };
        let (answer, ()) = tokio::join!(self.polls(id), happens);
        answer
    }

    async fn are_good(&self, tokens: &Value) {
        let id_token = self.world.verified(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(id_token.claims["sub"], "auth0|alice");
        assert_eq!(id_token.claims["aud"], json!(self.id));
        let token = tokens["access_token"].as_str().unwrap();
        let kind = if self.case.binding == "DPoP" { "DPoP" } else { "Bearer" };
        assert_eq!(tokens["token_type"], kind);
        let form = Form::new().with("token", token);
        let told = self.posts("oauth/introspect", form, None).await.json();
        let certificate = domain::oauth::certificate::Certificate::from_pem(&self.held.pem);
        let expected = match self.case.binding {
            "DPoP" => json!({"jkt": self.key.public().thumbprint()}),
            "mTLS" => json!({"x5t#S256": certificate.unwrap().thumbprint_text()}),
            _ => Value::Null,
        };
        assert_eq!((&told["active"], &told["cnf"]), (&json!(true), &expected), "{told}");
    }

    /// Runs the case to its end.
    async fn runs(&self) {
        self.script.then(204, &Value::Null);
        let id = self.starts().await;
        let answer = self.learns(&id).await;
        let calls = self.script.calls();
        let is_told = ["ping", "push"].contains(&self.case.mode) && self.case.outcome != "expire";
        assert_eq!(calls.len(), usize::from(is_told));
        if let Some(call) = calls.first() {
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            assert_eq!(body["auth_req_id"], json!(id));
            if self.case.mode == "push" {
                match self.case.outcome {
                    "approve" => self.are_good(&body).await,
                    "deny" => assert_eq!(body["error"], "access_denied"),
                    _ => assert_eq!(body["error"], "transaction_failed"),
                }
            }
        }
        let expected = match (self.case.mode, self.case.outcome) {
            ("push", _) => "400 unauthorized_client",
            (_, "approve") => "200",
            (_, "expire") => "400 expired_token",
            (_, _) => "400 access_denied",
        };
        assert_eq!(answer.summary(), expected, "{}", answer.text());
        if answer.status == 200 {
            self.are_good(&answer.json()).await;
            assert_eq!(self.polls(&id).await.summary(), "400 invalid_grant");
        }
    }
}

/// O360: every value of every axis with every value of every other, as far as the profile allows
/// both.
#[tokio::test]
async fn every_pair_of_ways_works_together() {
    let sizes = [
        MODES.len(),
        AUTHENTICATIONS.len(),
        REQUESTS.len(),
        BINDINGS.len(),
        PROFILES.len(),
        HINTS.len(),
        OUTCOMES.len(),
    ];
    let chosen = rows(&sizes, |row| Case::of(row).is_allowed());
    println!("{} rows", chosen.len());
    assert!(chosen.len() >= AUTHENTICATIONS.len() * OUTCOMES.len());
    for row in &chosen {
        let case = Case::of(row);
        println!("{case:?}");
        Box::pin(async { scene(case).await.runs().await }).await;
    }
}
