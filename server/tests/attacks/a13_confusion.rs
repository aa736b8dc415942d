//! A13: tokens of one kind in the place of another. One key signs for the client, the broker of
//! hints and the phone, so that it is never the signature that saves us.

use std::sync::Arc;

use device_protocol::guardian::resolve::{self, Decision};
use domain::jose::{Algorithm, SigningKey};
use http::Method;
use serde_json::{Value, json};
use server::tenancy::{Settings, TrustedIssuer};
use testkit::{Client, Form, Push, World, dpop_proof, p256_key};

const BROKER: &str = "https://broker.example/";

struct Scene {
    world: World,
    key: Arc<SigningKey>,
    push: Push,
}

/// What kinds of JWT there are, each with its own place; no place twice.
const KINDS: [&str; 9] = [
    "assertion",
    "request",
    "hint token",
    "ID token",
    "DPoP proof",
    "answer",
    "consent proof",
    "access token",
    "transaction token",
];

async fn scene() -> Scene {
    let key = p256_key();
    let jwks = json!({"keys": [key.public().to_jwk(Some("k"), Some(Algorithm::Es256))]});
    let trusted = TrustedIssuer { issuer: BROKER.to_owned(), jwks: jwks.clone() };
    let settings = move |all: &mut Settings| all.login_hint_token_issuers = vec![trusted];
    let builder = World::builder().profile("ciba").settings(settings);
    let builder = builder.configured(|it| it.limits.prompts_per_user_per_minute = 1000);
    let world = builder.start().await;
    world.phone_of("alice").enrolls_with(Arc::clone(&key), "GCM").await;
    let members = json!({
        "jwks": jwks, "backchannel_authentication_request_signing_alg": "ES256",
    });
    let client = world.registers_with_key("Signer", Arc::clone(&key), members).await;
    let id = client.asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    Scene { world, key, push }
}

impl Scene {
    fn client(&self) -> Client<'_> {
        self.world.client_of("Signer", testkit::Proof::Assertion(Arc::clone(&self.key)))
    }

    fn signed(&self, claims: &Value) -> String {
        Client::assertion(&self.key, claims, None)
    }

    /// A good token of a kind, made anew.
    async fn makes(&self, kind: &str) -> String {
        let (world, client) = (&self.world, self.client());
        let now = world.now().seconds();
        let jti = world.app().entropy.hex::<8>();
        let tokens = async || {
            let ask = |form: Form| form.with("audience", "https://api.example.com/payments");
            client.gets_tokens("alice", ask).await
        };
        match kind {
            "assertion" => self.signed(&client.assertion_claims()),
            "request" => self.signed(&client.request_claims(&client.asking("alice"))),
            "hint token" => self.signed(&json!({
                "iss": BROKER, "aud": world.issuer(), "iat": now, "exp": now + 120, "jti": jti,
                "sub_id": {"format": "opaque", "id": "auth0|alice"},
            })),
            "ID token" => tokens().await["id_token"].as_str().unwrap().to_owned(),
            "access token" => tokens().await["access_token"].as_str().unwrap().to_owned(),
            "DPoP proof" => dpop_proof(&self.key, &client.proof_claims("oauth/token")),
            "answer" => self.answer(),
            "consent proof" => {
                let path = format!("rich-consents/{}", self.push.consent_id);
                let url = world.url(&path);
                let proof = device_protocol::guardian::proof::Proof {
                    url: &url,
                    txtkn: &self.push.txtkn,
                    jti: &jti,
                    issued_at: now,
                };
                dpop_proof(&self.key, &proof.claims())
            }
            _ => self.push.txtkn.clone(),
        }
    }

    fn answer(&self) -> String {
        let url = self.world.url("appliance-mfa/api/resolve-transaction");
        let answer = resolve::Answer {
            identifier: &self.world.phone_of("alice").identifier(),
            challenge: &self.push.challenge,
            url: &url,
            issued_at: self.world.now().seconds(),
            decision: Decision::Accepted,
        };
        self.signed(&answer.claims())
    }

    /// Presents a token in the place of a kind; the status.
    async fn presents(&self, token: &str, place: &str) -> u16 {
        let (world, client) = (&self.world, self.client());
        let by_hint = |name: &str| client.asking("alice").without("login_hint").with(name, token);
        let bearer = format!("Bearer {token}");
        let with_proof = |proof: &str, token: &str| {
            [("authorization", format!("MFA-DPoP {token}")), ("mfa-dpop", proof.to_owned())]
        };
        let consent = format!("rich-consents/{}", self.push.consent_id);
        let reads = async |headers: [(&str, String); 2]| {
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            world.request(Method::GET, &consent, &headers, "").await.status
        };
        match place {
            "assertion" => {
                let form = client.with_assertion(client.asking("alice"), token);
                world.post_form("bc-authorize", &form, &[]).await.status
            }
            "request" => {
                client.posts("bc-authorize", Form::new().with("request", token)).await.status
            }
            "hint token" => client.posts("bc-authorize", by_hint("login_hint_token")).await.status,
            "ID token" => client.posts("bc-authorize", by_hint("id_token_hint")).await.status,
            "DPoP proof" => {
                let id = client.asks_for("alice").await;
                world.phone_of("alice").approves(&id).await;
                let (form, _) = client.credentials(client.polling(&id));
                world.post_form("oauth/token", &form, &[("dpop", token)]).await.status
            }
            "answer" => {
                let headers = [("authorization", format!("Bearer {}", self.push.txtkn))];
                let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
                let path = "appliance-mfa/api/resolve-transaction";
                world.post_json(path, &resolve::body(token), &headers).await.status
            }
            "consent proof" => reads(with_proof(token, &self.push.txtkn)).await,
            "access token" => {
                let headers = [("authorization", bearer.as_str())];
                world.request(Method::GET, "userinfo", &headers, "").await.status
            }
            _ => reads(with_proof(&self.makes("consent proof").await, token)).await,
        }
    }
}

/// A13: each kind of JWT in every place: good in its own, refused in every other one.
#[tokio::test]
async fn each_kind_of_token_is_good_in_its_own_place_only() {
    let scene = scene().await;
    let mut tried = 0;
    for place in KINDS {
        // The answer's own comes last: it decides the request.
        for kind in KINDS.into_iter().filter(|kind| *kind != place) {
            let token = scene.makes(kind).await;
            let status = scene.presents(&token, place).await;
            assert!((400..=404).contains(&status), "{kind} as {place}: {status}");
            tried += 1;
        }
    }
    assert_eq!(tried, 72);
    for kind in KINDS.into_iter().filter(|kind| *kind != "answer").chain(["answer"]) {
        let token = scene.makes(kind).await;
        let status = scene.presents(&token, kind).await;
        assert!([200, 204].contains(&status), "{kind}: {status}");
        scene.world.run_worker().await;
    }
}

/// A13: neither no algorithm, nor a MAC under a public key, nor a header that brings its own key is
/// a signature, in any place.
#[tokio::test]
async fn what_is_not_signed_by_its_own_key_is_refused_in_every_place() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let scene = scene().await;
    let stranger = p256_key();
    for place in KINDS.into_iter().filter(|place| *place != "transaction token") {
        let good = scene.makes(place).await;
        let parts: Vec<&str> = good.split('.').collect();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        let with = |changes: Value| {
            let mut header = header.clone();
            for (name, value) in changes.as_object().unwrap() {
                header[name] = value.clone();
            }
            URL_SAFE_NO_PAD.encode(header.to_string())
        };
        let key = aws_lc_rs::hmac::Key::new(
            aws_lc_rs::hmac::HMAC_SHA256,
            scene.key.public().canonical_json().as_bytes(),
        );
        let hs256 = format!("{}.{}", with(json!({"alg": "HS256"})), parts[1]);
        let mac = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, hs256.as_bytes()).as_ref());
        let mut brought = header.clone();
        brought["jwk"] = stranger.public().to_jwk(None, None);
        brought["jku"] = json!("https://evil.example/jwks.json");
        brought["x5u"] = json!("https://evil.example/cert.pem");
        brought["alg"] = json!("ES256");
        let brought =
            stranger.sign_compact(Algorithm::Es256, &brought.to_string(), &claims).unwrap();
        let mut forged = vec![
            format!("{}.{}.", with(json!({"alg": "none"})), parts[1]),
            format!("{}.{}.{}", with(json!({"alg": "none"})), parts[1], parts[2]),
            format!("{}.{}.{}", with(json!({"alg": "NonE"})), parts[1], parts[2]),
            format!("{hs256}.{mac}"),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
        ];
        // A DPoP proof brings its key by right: who has none but his own is bound to it.
        if place != "DPoP proof" {
            forged.push(brought);
        }
        for token in forged {
            let status = scene.presents(&token, place).await;
            assert!((400..=404).contains(&status), "{place}: {status} {token}");
        }
    }
}
