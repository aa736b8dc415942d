//! C6, N64: every value that the metadata tell works from one end to the other, and what they do
//! not tell is refused, for a tenant of each profile.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ciba::profile::Profile;
use domain::jose::{Algorithm, PublicKey, SigningKey};
use http::{Request, header};
use serde_json::{Value, json};
use server::config::{CertificateHeaders, Config};
use server::outside::Outbound;
use testkit::push_services::Scripted;
use testkit::{Answer, Client, Form, Proof, World, encoded, p256_key};
use tower::ServiceExt as _;

use super::c1_truth::{key_for, lists};

const PAYMENTS: &str = "https://api.example.com/payments";
const REQUEST_ALG: &str = "backchannel_authentication_request_signing_alg";

/// Members that are told of and nothing else: Discovery wants the first two (R9), SDKs the third
/// (W7), and nothing is ever answered where they would count.
const TOLD_ONLY: [&str; 5] = [
    "response_types_supported",
    "request_parameter_supported",
    "code_challenge_methods_supported",
    "request_uri_parameter_supported",
    "subject_types_supported",
];
/// Members that the walks below go through.
const WALKED: [&str; 27] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "revocation_endpoint",
    "introspection_endpoint",
    "registration_endpoint",
    "backchannel_authentication_endpoint",
    "mtls_endpoint_aliases",
    "backchannel_token_delivery_modes_supported",
    "grant_types_supported",
    "scopes_supported",
    "claims_supported",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "dpop_signing_alg_values_supported",
    "backchannel_authentication_request_signing_alg_values_supported",
    "acr_values_supported",
    "tls_client_certificate_bound_access_tokens",
    "backchannel_endpoint_login_hint_token_types_supported",
    // walked where they are proven: user codes, details of requests, claims one by one
    "backchannel_user_code_parameter_supported",
    "authorization_details_types_supported",
    "claims_parameter_supported",
];

/// A tenant of one profile, with everything switched on that metadata tell of.
struct Told {
    world: World,
    metadata: Value,
    profile: Profile,
    script: Arc<Scripted>,
}

impl Told {
    async fn of(profile: Profile) -> Self {
        let script = Arc::new(Scripted::new());
        let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
        let with_mtls = |config: &mut Config| {
            config.server.mtls_url = String::from("https://mtls.example.com/");
            config.proxy.trusted = vec!["10.0.0.0/8".parse().unwrap()];
            config.proxy.client_certificate = CertificateHeaders::Plain;
        };
        let only = move |settings: &mut server::tenancy::Settings| {
            settings.profiles = vec![profile.as_str().to_owned()];
            settings.mtls.enable_endpoint_aliases = true;
            settings.open_registration = true;
        };
        let builder = World::builder().profile(profile.as_str()).outbound(outbound);
        let world = builder.configured(with_mtls).settings(only).start().await;
        world.phone_of("alice").is_ready().await;
        let metadata = world.get(".well-known/openid-configuration").await.json();
        Self { world, metadata, profile, script }
    }

    fn values(&self, member: &str) -> Vec<String> {
        let list = self.metadata[member].as_array();
        list.into_iter().flatten().map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    fn is_auth0(&self) -> bool {
        self.profile == Profile::Auth0
    }

    /// A client that may do everything, with a key of its own.
    async fn asker(&self, name: &str, mut members: Value) -> Asker<'_> {
        let key = p256_key();
        members[REQUEST_ALG] = "ES256".into();
        let client = self.world.registers_with_key(name, Arc::clone(&key), members).await;
        self.world.grants(name, PAYMENTS, "client", &["read:balance"]).await;
        let client = if self.is_auth0() { client } else { client.bound_to(&key) };
        Asker { told: self, client, key, is_signed: self.profile == Profile::FapiCiba }
    }
}

/// A client that asks alice.
struct Asker<'t> {
    told: &'t Told,
    client: Client<'t>,
    key: Arc<SigningKey>,
    is_signed: bool,
}

impl Asker<'_> {
    async fn starts(&self, change: impl FnOnce(Form) -> Form) -> Answer {
        self.told.world.advance_seconds(60);
        let form = change(self.client.asking("alice"));
        let claims = self.client.request_claims(&form);
        let form = if self.is_signed {
            let jwt = Client::assertion(&self.key, &claims, None);
            Form::new().with("request", jwt)
        } else {
            form
        };
        self.client.starts(form).await
    }

    async fn approved(&self, change: impl FnOnce(Form) -> Form) -> String {
        let answer = self.starts(change).await;
        assert_eq!(answer.status, 200, "{}: {}", self.told.profile, answer.text());
        let id = answer.member("auth_req_id");
        self.told.world.phone_of("alice").approves(&id).await;
        id
    }

    async fn tokens(&self, change: impl FnOnce(Form) -> Form) -> Value {
        let id = self.approved(change).await;
        self.client.redeems(&id).await
    }
}

/// C6, N64: in profile `auth0`.
#[tokio::test]
async fn a_tenant_of_auth0s_profile_tells_the_truth() {
    walk(Profile::Auth0).await;
}

/// C6, N64: in profile `ciba`.
#[tokio::test]
async fn a_tenant_of_profile_ciba_tells_the_truth() {
    walk(Profile::Ciba).await;
}

/// C6, N64: in profile `fapi-ciba`.
#[tokio::test]
async fn a_tenant_of_profile_fapi_ciba_tells_the_truth() {
    walk(Profile::FapiCiba).await;
}

async fn walk(profile: Profile) {
    let told = Told::of(profile).await;
    for member in told.metadata.as_object().unwrap().keys() {
        let is_walked = [WALKED.as_slice(), &TOLD_ONLY].concat().contains(&member.as_str());
        assert!(is_walked, "{member} is told and nobody looks whether it is so");
    }
    Box::pin(endpoints(&told)).await;
    Box::pin(modes(&told)).await;
    Box::pin(grants(&told)).await;
    Box::pin(scopes_and_claims(&told)).await;
    Box::pin(id_token_algorithms(&told)).await;
    Box::pin(methods(&told)).await;
    Box::pin(assertion_algorithms(&told)).await;
    Box::pin(proof_algorithms(&told)).await;
    Box::pin(request_algorithms(&told)).await;
}

/// Every address is https and served, under its alias too; plain HTTP is for nobody outside.
async fn endpoints(told: &Told) {
    let world = &told.world;
    assert_eq!(told.metadata["issuer"], world.issuer());
    let aliases = told.metadata["mtls_endpoint_aliases"].as_object().unwrap();
    let is_address =
        |(name, _): &(&String, &Value)| name.ends_with("_endpoint") || *name == "jwks_uri";
    let addresses = told.metadata.as_object().unwrap().iter().chain(aliases).filter(is_address);
    let plain = server::http::behind_proxies(server::http::router(world.app()), &world.app());
    for (name, address) in addresses {
        let url = url::Url::parse(address.as_str().unwrap()).unwrap();
        assert_eq!(url.scheme(), "https", "{name}");
        let request = || {
            let request = Request::get(url.path()).header(header::HOST, url.host_str().unwrap());
            request.body(Body::empty()).unwrap()
        };
        let answer = world.send(request()).await;
        assert!(![404, 500].contains(&answer.status), "{name}: {}", answer.status);
        let mut outside = request();
        let peer: SocketAddr = "192.0.2.9:4000".parse().unwrap();
        outside.extensions_mut().insert(ConnectInfo(peer));
        assert_eq!(plain.clone().oneshot(outside).await.unwrap().status(), 403, "{name}");
    }
}

/// Each way to learn the outcome brings the tokens.
async fn modes(told: &Told) {
    let token = |form: Form| form.with("client_notification_token", "a-token-of-some-length");
    for mode in told.values("backchannel_token_delivery_modes_supported") {
        let members = json!({
            "backchannel_token_delivery_mode": mode,
            "backchannel_client_notification_endpoint": "https://shop.example.com/cb",
        });
        let asker = told.asker(&format!("mode {mode}"), members).await;
        let calls = told.script.calls().len();
        told.script.then(204, &json!(null));
        let id = asker.approved(token).await;
        told.world.run_worker().await;
        let calls = told.script.calls().split_off(calls);
        assert_eq!(calls.len(), usize::from(mode != "poll"), "{mode}");
        match mode.as_str() {
            "poll" => assert_eq!(asker.client.polls(&id).await, "200"),
            "ping" => {
                let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
                assert_eq!(body, json!({ "auth_req_id": id }));
                assert_eq!(asker.client.polls(&id).await, "200");
            }
            other => {
                assert_eq!(other, "push");
                let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
                assert!(body["access_token"].is_string() && body["id_token"].is_string(), "{body}");
            }
        }
    }
}

/// Each grant gives tokens, and no other is taken.
async fn grants(told: &Told) {
    let asker = told.asker("grants", json!({})).await;
    let wanted = |form: Form| {
        form.with("audience", PAYMENTS).with("scope", "openid read:balance offline_access")
    };
    for grant in told.values("grant_types_supported") {
        match grant.as_str() {
            "urn:openid:params:grant-type:ciba" => {
                assert!(asker.tokens(wanted).await["access_token"].is_string());
            }
            "refresh_token" => {
                let tokens = asker.tokens(wanted).await;
                let refreshed = asker.client.refreshes(tokens["refresh_token"].as_str().unwrap());
                assert_eq!(refreshed.await.status, 200);
            }
            other => {
                assert_eq!(other, "client_credentials");
                let answer = asker.client.asks_for_itself(PAYMENTS).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
    }
    for other in [
        "authorization_code",
        "implicit",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ] {
        let answer = asker.client.posts("oauth/token", Form::new().with("grant_type", other)).await;
        assert!(answer.summary().ends_with("unsupported_grant_type"), "{other} {}", answer.text());
    }
}

/// The form that asks for each claim that is told.
fn by_name(told: &Told, form: Form) -> Form {
    let names = told.values("claims_supported").into_iter().filter(|name| name != "acr");
    let wish: serde_json::Map<String, Value> = names.map(|name| (name, Value::Null)).collect();
    form.with("claims", json!({ "id_token": wish }).to_string())
}

/// Each scope is granted and each claim comes; a scope that is not told is not granted.
async fn scopes_and_claims(told: &Told) {
    let asker = told.asker("scopes", json!({})).await;
    let (scopes, acr) = (told.values("scopes_supported"), told.values("acr_values_supported"));
    let all = scopes.join(" ");
    let wanted = |form: Form| {
        let form = form.with("scope", &all);
        let form = if acr.is_empty() { form } else { form.with("acr_values", acr.join(" ")) };
        if told.metadata["claims_parameter_supported"] == true { by_name(told, form) } else { form }
    };
    let person = json!({
        "given_name": "Alice", "family_name": "Example", "phone_number": "+81312345678",
    });
    let changed = told.world.operator().patches("users/auth0|alice", &person).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let tokens = asker.tokens(wanted).await;
    let granted = tokens["scope"].as_str().unwrap_or(&all);
    for scope in &scopes {
        assert!(granted.split(' ').any(|one| one == scope), "{scope}: {tokens}");
    }
    assert_eq!(tokens["refresh_token"].is_string(), scopes.contains(&"offline_access".into()));
    let claims = told.world.verified(tokens["id_token"].as_str().unwrap()).await.claims;
    for claim in told.values("claims_supported") {
        assert!(claims.get(&claim).is_some(), "{}: {claim} is not in {claims}", told.profile);
    }
    if let Some(acr) = acr.first() {
        assert_eq!(&claims["acr"], acr);
    }
    let answer = asker.starts(|form| form.with("scope", "openid carrier_pigeons")).await;
    if told.is_auth0() {
        let id = answer.member("auth_req_id");
        told.world.phone_of("alice").approves(&id).await;
        let tokens = asker.client.redeems(&id).await;
        assert!(!tokens.to_string().contains("carrier_pigeons"), "{tokens}");
    } else {
        assert_eq!(answer.summary(), "400 invalid_scope");
    }
}

/// Each algorithm signs an ID token. (That no other is registered: `c1_truth`.)
async fn id_token_algorithms(told: &Told) {
    for alg in told.values("id_token_signing_alg_values_supported") {
        let asker =
            told.asker(&format!("id {alg}"), json!({"jwt_configuration": {"alg": alg}})).await;
        let tokens = asker.tokens(|form| form).await;
        let token = told.world.verified(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(token.header["alg"], alg);
    }
}

/// A certificate that vouches for itself, `CN=walker`.
fn certificate() -> rcgen::Certificate {
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "walker");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
}

/// Each method opens each endpoint whose metadata name it, and `/bc-authorize` (C5); the others none.
async fn methods(told: &Told) {
    let certificate = certificate();
    let key = PublicKey::from_certificate(certificate.der()).unwrap();
    let mut jwk = key.to_jwk(Some("own"), None);
    jwk["x5c"] = json!([STANDARD.encode(certificate.der())]);
    for method in [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "client_secret_jwt",
        "none",
    ] {
        let is_told = lists(&told.metadata, "token_endpoint_auth_methods_supported", method);
        let Some(client) = told.authenticates_by(method, &jwk).await else {
            assert!(!is_told, "{} {method} cannot be registered", told.profile);
            continue;
        };
        for (endpoint, path) in [
            ("token", "oauth/token"),
            ("revocation", "oauth/revoke"),
            ("introspection", "oauth/introspect"),
            ("token", "bc-authorize"),
        ] {
            let member = format!("{endpoint}_endpoint_auth_methods_supported");
            let is_told = lists(&told.metadata, &member, method);
            let (form, headers) = client.credentials(client.polling("unknown").with("token", "x"));
            let pem = encoded(&certificate.pem());
            let mut request = Request::post(told.world.path(path))
                .header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            if method.contains("tls") {
                request = request
                    .header("client-certificate", &pem)
                    .header("client-certificate-ca-verified", "SUCCESS");
            }
            let mut request = request.body(Body::from(form.encode())).unwrap();
            let proxy: SocketAddr = "10.1.2.3:4000".parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(proxy));
            let answer = told.world.send(request).await;
            let is_taken = answer.status != 401 && !answer.text().contains("unauthorized_client");
            assert_eq!(is_taken, is_told, "{} {method} {path} {}", told.profile, answer.text());
        }
    }
}

impl Told {
    /// A client that proves itself like this, if one can be registered.
    async fn authenticates_by(&self, method: &str, jwk: &Value) -> Option<Client<'_>> {
        let key = p256_key();
        let mut body = json!({
            "name": method, "oidc_conformant": true, "token_endpoint_auth_method": method,
            "grant_types": ["urn:openid:params:grant-type:ciba"],
        });
        match method {
            "private_key_jwt" => {
                body["jwks"] = json!({ "keys": [key.public().to_jwk(Some("own"), None)] });
            }
            "tls_client_auth" => body["tls_client_auth_subject_dn"] = "CN=walker".into(),
            "self_signed_tls_client_auth" => body["jwks"] = json!({ "keys": [jwk] }),
            _ => {}
        }
        let made = self.world.operator().posts("clients", &body).await;
        if made.status != 201 {
            return None;
        }
        let proof = match method {
            "private_key_jwt" => Proof::Assertion(key),
            "client_secret_basic" => Proof::Basic(made.member("client_secret")),
            "client_secret_post" => Proof::Secret(made.member("client_secret")),
            _ => Proof::Nothing,
        };
        Some(self.world.client_of(&made.member("client_id"), proof))
    }
}

/// Each algorithm, under each of its names, signs an assertion; no other does.
async fn assertion_algorithms(told: &Told) {
    let member = "token_endpoint_auth_signing_alg_values_supported";
    let names = Algorithm::ALL.iter().flat_map(|one| one.accepted_names());
    for name in names.chain(&["none", "HS256"]) {
        let algorithm = Algorithm::from_name(name).unwrap_or(Algorithm::Ps256);
        let key = key_for(algorithm);
        let body = json!({
            "name": format!("by {name}"), "oidc_conformant": true,
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "jwks": { "keys": [key.public().to_jwk(None, None)] },
        });
        let made = told.world.operator().posts("clients", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let client = told.world.client_of(&made.member("client_id"), Proof::Nothing);
        let header = json!({ "alg": name }).to_string();
        let claims = client.assertion_claims().to_string();
        let jwt = key.sign_compact(algorithm, &header, &claims).unwrap();
        let form = client.with_assertion(client.polling("unknown"), jwt);
        let answer = told.world.post_form("oauth/token", &form, &[]).await;
        let is_told = lists(&told.metadata, member, name);
        assert_eq!(answer.status != 401, is_told, "{} {name} {}", told.profile, answer.text());
    }
}

/// Each algorithm signs a proof that tokens are bound to; no other does.
async fn proof_algorithms(told: &Told) {
    let api = "https://bound.example";
    let possession = json!({"mechanism": "dpop", "required": true});
    told.world.registers_api(json!({"identifier": api, "proof_of_possession": possession})).await;
    let asker = told.asker("proofs", json!({})).await;
    for algorithm in Algorithm::ALL {
        let key = key_for(*algorithm);
        let id = asker.approved(|form| form.with("audience", api)).await;
        let jwk: Value = serde_json::from_str(key.public().canonical_json()).unwrap();
        let header = json!({ "alg": algorithm.name(), "typ": "dpop+jwt", "jwk": jwk }).to_string();
        let claims = asker.client.proof_claims("oauth/token").to_string();
        let proof = key.sign_compact(*algorithm, &header, &claims).unwrap();
        let (form, _) = asker.client.credentials(asker.client.polling(&id));
        let answer = told.world.post_form("oauth/token", &form, &[("dpop", &proof)]).await;
        let name = algorithm.name();
        if lists(&told.metadata, "dpop_signing_alg_values_supported", name) {
            assert_eq!(answer.json()["token_type"], "DPoP", "{name} {}", answer.text());
        } else {
            assert_eq!(answer.summary(), "400 invalid_dpop_proof", "{name} {}", answer.text());
        }
    }
}

/// Each algorithm, under each of its names, signs a request. (That no other is registered:
/// `c1_truth`; that no other than the registered one is taken: C34.)
async fn request_algorithms(told: &Told) {
    for name in told.values("backchannel_authentication_request_signing_alg_values_supported") {
        let algorithm = Algorithm::from_name(&name).unwrap();
        let key = key_for(algorithm);
        let body = json!({
            "name": format!("asks by {name}"), "oidc_conformant": true, REQUEST_ALG: name,
            "token_endpoint_auth_method": "private_key_jwt",
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "jwks": { "keys": [key.public().to_jwk(None, None)] },
        });
        let made = told.world.operator().posts("clients", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let client = told.world.client_of(&made.member("client_id"), Proof::Nothing);
        told.world.advance_seconds(60);
        let asking = client.asking("alice");
        let header = json!({ "alg": name }).to_string();
        let claims = client.request_claims(&asking).to_string();
        let request = key.sign_compact(algorithm, &header, &claims).unwrap();
        let jwt = Client::assertion_by(&key, algorithm, &client.assertion_claims(), None);
        let form = client.with_assertion(Form::new().with("request", request), jwt);
        let answer = told.world.post_form("bc-authorize", &form, &[]).await;
        assert_eq!(answer.status, 200, "{name} {}", answer.text());
        let message = asking.get("binding_message").unwrap();
        told.world.remember(&answer.member("auth_req_id"), message).await;
    }
}
