//! What the certification suite does around each of its tests (7.1), for each of its variants.

use std::sync::Arc;

use axum::body::Body;
use domain::jose::SigningKey;
use http::{Method, Request};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use server::listen::PeerCertificates;
use server::outside::Outbound;
use testkit::push_services::Scripted;
use testkit::{Answer, Client, Form, Proof, World, p256_key};

use super::ALG;

/// What clients of ping mode are called with: 28 characters, `=` at the end.
pub(crate) const NOTIFICATION_TOKEN: &str = "MDEyMzQ1Njc4OWFiY2RlZmdoaQ0=";
const ENDPOINT: &str = "https://client.example.com/ping";
pub(crate) const INTERACTION: &str = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
const LONGEST_LIFE_S: i64 = 366 * 86_400;

/// How a client proves who it is, and how it learns outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) by_key: bool,
    pub(crate) pings: bool,
}

/// The four variants.
pub(crate) const VARIANTS: [Variant; 4] = [
    Variant { by_key: true, pings: false },
    Variant { by_key: true, pings: true },
    Variant { by_key: false, pings: false },
    Variant { by_key: false, pings: true },
];

/// A certificate that nobody vouches for.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) pem: String,
    der: Vec<u8>,
}

impl Certificate {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2036, 1, 1);
        let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        Self { pem: made.pem(), der: made.der().to_vec() }
    }
}

/// The server with its development tools, and what it calls clients with.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) script: Arc<Scripted>,
    pub(crate) variant: Variant,
}

impl Stage {
    pub(crate) async fn new(variant: Variant) -> Self {
        let script = Arc::new(Scripted::new());
        let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
        let world = World::builder()
            .dev()
            .profile("fapi-ciba")
            .settings(|settings| settings.mtls.enable_endpoint_aliases = true)
            .configured(|config| {
                config.server.mtls_url = String::from("https://mtls.login.example.com/");
                config.limits.prompts_per_user_per_minute = 1000;
            })
            .outbound(outbound)
            .start()
            .await;
        let stage = Self { world, script, variant };
        for person in ["alice", "bob"] {
            let user = testkit::encoded(stage.world.user_id(person).as_str());
            assert_eq!(stage.hook(&format!("users/{user}/phone")).await, 204);
        }
        stage.looks_around().await;
        stage
    }

    /// A development tool.
    async fn hook(&self, path: &str) -> u16 {
        let headers = [("accept", "application/json")];
        self.world.request(Method::POST, &format!("dev/{path}"), &headers, "").await.status
    }

    /// The person decides by the approval hook; whoever is to be told is told.
    pub(crate) async fn decides(&self, auth_req_id: &str, action: &str) {
        let status = self.hook(&format!("ciba/{auth_req_id}/{action}")).await;
        assert!((200..300).contains(&status), "{action}: {status}");
        self.world.run_worker().await;
    }

    /// Discovery loads; every key has a name and is long enough.
    async fn looks_around(&self) {
        let metadata = self.world.get(".well-known/openid-configuration").await;
        assert_eq!(metadata.status, 200);
        assert_eq!(metadata.json()["jwks_uri"], self.world.url(".well-known/jwks.json"));
        let keys = self.world.get(".well-known/jwks.json").await.json();
        for key in keys["keys"].as_array().unwrap() {
            assert!(key["kid"].is_string(), "{key}");
            if key["kty"] == "RSA" {
                assert!(key["n"].as_str().unwrap().len() >= 342, "{key}");
            } else {
                assert!(["P-256", "P-384"].contains(&key["crv"].as_str().unwrap()), "{key}");
            }
        }
    }

    /// A client of the variant.
    pub(crate) async fn party(&self, name: &str) -> Party<'_> {
        self.party_with(name, json!({})).await
    }

    pub(crate) async fn party_with(&self, name: &str, more: Value) -> Party<'_> {
        let (key, certificate) = (p256_key(), Certificate::new(name));
        let mut members = json!({
            "grant_types": ["urn:openid:params:grant-type:ciba", "refresh_token"],
            "oidc_conformant": true,
            "assertion_audience": "ciba-2021",
            "tls_client_certificate_bound_access_tokens": true,
        });
        members[ALG] = "ES256".into();
        if self.variant.pings {
            members["backchannel_token_delivery_mode"] = "ping".into();
            members["backchannel_client_notification_endpoint"] = ENDPOINT.into();
        }
        for (name, value) in more.as_object().unwrap() {
            members[name] = value.clone();
        }
        let client = if self.variant.by_key {
            self.world.registers_with_key(name, Arc::clone(&key), members).await
        } else {
            members["name"] = name.into();
            members["profile"] = "fapi-ciba".into();
            if members.get("jwks").is_none() {
                members["jwks"] = json!({"keys": [key.public().to_jwk(None, None)]});
            }
            members["client_authentication_methods"] = json!({"self_signed_tls_client_auth": {
                "credentials": [{"credential_type": "x509_cert", "pem": certificate.pem}],
            }});
            let made = self.world.operator().posts("clients", &members).await;
            assert_eq!(made.status, 201, "{}", made.text());
            self.world.client_of(&made.member("client_id"), Proof::Nothing)
        };
        Party { stage: self, client, key, certificate, person: "alice" }
    }
}

/// A client as the suite plays it.
#[derive(Clone, Debug)]
pub(crate) struct Party<'s> {
    pub(crate) stage: &'s Stage,
    pub(crate) client: Client<'s>,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) certificate: Certificate,
    pub(crate) person: &'static str,
}

impl Party<'_> {
    /// The claims of its signed request.
    pub(crate) fn claims(&self) -> Value {
        let mut claims = self.client.request_claims(&self.client.asking(self.person));
        if self.stage.variant.pings {
            claims["client_notification_token"] = NOTIFICATION_TOKEN.into();
        }
        claims
    }

    pub(crate) fn signed(&self, claims: &Value) -> Form {
        Form::new().with("request", Client::assertion(&self.key, claims, None))
    }

    /// The form with its credentials; assertions name the endpoint, as the suite has it.
    pub(crate) fn proven(&self, path: &str, form: Form) -> Form {
        let world = &self.stage.world;
        let audience = match path {
            "bc-authorize" => world.url(path),
            "oauth/token" => String::from("https://mtls.login.example.com/oauth/token"),
            _ => world.issuer(),
        };
        self.proven_to(&audience, form)
    }

    pub(crate) fn proven_to(&self, audience: &str, form: Form) -> Form {
        if !self.stage.variant.by_key {
            return form.with("client_id", self.client.id());
        }
        let mut claims = self.client.assertion_claims();
        claims["aud"] = audience.into();
        self.client.with_assertion(form, Client::assertion(&self.key, &claims, None))
    }

    /// Posts a form as it stands, showing a certificate or none.
    pub(crate) async fn sends(
        &self,
        path: &str,
        form: &Form,
        shown: Option<&Certificate>,
    ) -> Answer {
        let request = Request::post(self.stage.world.path(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.encode()))
            .unwrap();
        self.stage.world.send(showing(request, shown)).await
    }

    pub(crate) async fn posts(&self, path: &str, form: Form) -> Answer {
        self.sends(path, &self.proven(path, form), Some(&self.certificate)).await
    }

    pub(crate) async fn starts(&self, claims: &Value) -> Answer {
        let answer = self.posts("bc-authorize", self.signed(claims)).await;
        self.stage.world.run_worker().await;
        answer
    }

    pub(crate) async fn polls(&self, auth_req_id: &str) -> Answer {
        self.posts("oauth/token", self.client.polling(auth_req_id)).await
    }

    /// Calls the sample API with a token.
    pub(crate) async fn visits(
        &self,
        token: &str,
        headers: &[(&str, &str)],
        shown: &Certificate,
    ) -> Answer {
        let mut request = Request::get(self.stage.world.path("dev/resource"))
            .header("authorization", format!("Bearer {token}"))
            .header("x-fapi-interaction-id", INTERACTION);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        self.stage.world.send(showing(request, Some(shown))).await
    }

    /// Everything up to the decision, checked; the `auth_req_id`.
    pub(crate) async fn begins(&self, claims: &Value) -> String {
        let started = self.starts(claims).await;
        assert_eq!(started.status, 200, "{}", started.text());
        assert!(started.header("content-type").starts_with("application/json"));
        let body = started.json();
        let id = body["auth_req_id"].as_str().unwrap();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        assert!(id.len() >= 16 && id.chars().all(is_allowed) && bits(id) > 96.0, "{id}");
        assert!((1..=LONGEST_LIFE_S).contains(&body["expires_in"].as_i64().unwrap()));
        assert!((0..=6 * 3600).contains(&body["interval"].as_i64().unwrap()));
        for wait_s in [0, 5] {
            self.stage.world.advance_seconds(wait_s);
            is_undecided(&self.polls(id).await);
        }
        id.to_owned()
    }

    /// The outcome after the decision: at once where it is told, else after the interval.
    pub(crate) async fn collects(&self, auth_req_id: &str) -> Answer {
        if !self.stage.variant.pings {
            self.stage.world.advance_seconds(5);
        }
        self.polls(auth_req_id).await
    }

    /// One whole flow, everything checked; the token response.
    pub(crate) async fn flows(&self, claims: &Value) -> Value {
        let id = self.begins(claims).await;
        let before = self.stage.script.calls().len();
        self.stage.script.then(204, &Value::Null);
        self.stage.decides(&id, "allow").await;
        if self.stage.variant.pings {
            self.is_told(&id, before, claims["client_notification_token"].as_str().unwrap());
        } else {
            assert_eq!(self.stage.script.calls().len(), before);
        }
        let answer = self.collects(&id).await;
        self.is_good(&answer).await
    }

    /// That there was one notification since, with nothing but the request's name.
    pub(crate) fn is_told(&self, auth_req_id: &str, before: usize, token: &str) {
        let calls = self.stage.script.calls();
        assert_eq!(calls.len(), before + 1);
        let call = &calls[before];
        assert_eq!((call.method.as_str(), call.url.as_str()), ("POST", ENDPOINT));
        let header = |name: &str| {
            let mut all = call.headers.iter().filter(|(known, _)| known.as_str() == name);
            all.next().map(|(_, value)| value.to_str().unwrap().to_owned()).unwrap()
        };
        assert_eq!(header("authorization"), format!("Bearer {token}"));
        assert_eq!(header("content-type"), "application/json");
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body, json!({"auth_req_id": auth_req_id}));
    }

    /// That the token response, the ID token in it and the use of the access token are right.
    pub(crate) async fn is_good(&self, answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("content-type").starts_with("application/json"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        let token = body["access_token"].as_str().unwrap();
        assert!(token.len() >= 16 && bits(token) > 96.0, "{token}");
        if let Some(refresh) = body["refresh_token"].as_str() {
            assert!(bits(refresh) > 96.0, "{refresh}");
        }
        assert!(body["expires_in"].as_i64().unwrap() > 0);
        assert_eq!(body["token_type"], "Bearer", "bound to the certificate");
        let world = &self.stage.world;
        let id_token = world.verified(body["id_token"].as_str().unwrap()).await;
        let (header, claims) = (id_token.header, id_token.claims);
        assert!(header["kid"].is_string());
        assert!(["PS256", "ES256"].contains(&header["alg"].as_str().unwrap()), "{header}");
        assert_eq!(claims["iss"], world.issuer());
        assert_eq!(claims["aud"], self.client.id());
        assert_eq!(claims["sub"], world.user_id(self.person).as_str());
        let now = world.now().seconds();
        assert!(claims["exp"].as_i64().unwrap() > now && claims["iat"].as_i64().unwrap() <= now);
        for none in ["at_hash", "c_hash", "s_hash", "nonce"] {
            assert!(claims.get(none).is_none(), "{claims}");
        }
        let visit = self.visits(token, &[], &self.certificate).await;
        assert_eq!(visit.status, 200, "{}", visit.text());
        assert!(!visit.header("date").is_empty() && visit.json().is_object());
        assert!(visit.header("content-type").starts_with("application/json"));
        assert_eq!(visit.header("x-fapi-interaction-id"), INTERACTION);
        body
    }
}

/// The request as the listener for certificates passes it on.
pub(crate) fn showing(mut request: Request<Body>, shown: Option<&Certificate>) -> Request<Body> {
    if let Some(Certificate { der, .. }) = shown {
        let chain = vec![CertificateDer::from(der.clone())];
        request.extensions_mut().insert(PeerCertificates(chain.into()));
    }
    request
}

/// That nothing is decided, in clean words.
pub(crate) fn is_undecided(answer: &Answer) {
    let expected = ["400 authorization_pending", "400 slow_down"];
    assert!(expected.contains(&answer.summary().as_str()), "{}", answer.text());
    is_clean(answer);
}

/// That the texts of an error have no character that C78 forbids.
pub(crate) fn is_clean(answer: &Answer) {
    let body = answer.json();
    for (name, value) in body.as_object().unwrap() {
        assert!(["error", "error_description", "error_uri"].contains(&name.as_str()), "{body}");
        let is_allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        assert!(value.as_str().unwrap().chars().all(is_allowed), "{body}");
    }
}

/// The bits that a text has by Shannon's measure.
#[expect(clippy::cast_precision_loss, reason = "texts are short")]
fn bits(text: &str) -> f64 {
    let length = text.len() as f64;
    let share = |c: u8| text.bytes().filter(|other| *other == c).count() as f64 / length;
    let mut seen: Vec<u8> = text.bytes().collect();
    seen.sort_unstable();
    seen.dedup();
    length * seen.into_iter().map(|c| -share(c) * share(c).log2()).sum::<f64>()
}
