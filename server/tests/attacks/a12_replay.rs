//! A7 and A12: what was used once is used once, on every node, and never while it cannot be noted.

use std::sync::Arc;

use domain::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};
use server::tenancy::{Settings, TrustedIssuer};
use store::Faults;
use testkit::{Answer, Client, Form, World, dpop_proof, p256_key};

const BROKER: &str = "https://broker.example/";
const SIGNS: &str = "backchannel_authentication_request_signing_alg";

/// Something that is good once, ready to be sent to any node as often as one likes.
struct Once {
    what: &'static str,
    path: &'static str,
    form: Form,
    /// The same once more, where something else in it was spent too.
    again: Option<Form>,
    proof: Option<String>,
    /// What a repetition is told.
    refused: &'static str,
}

impl Once {
    async fn sent_to(&self, world: &World) -> Answer {
        self.posted(&self.form, world).await
    }

    async fn sent_again_to(&self, world: &World) -> String {
        self.posted(self.again.as_ref().unwrap_or(&self.form), world).await.summary()
    }

    async fn posted(&self, form: &Form, world: &World) -> Answer {
        let headers: Vec<_> = self.proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
        let answer = world.post_form(self.path, form, &headers).await;
        world.run_worker().await;
        answer
    }
}

/// A World in which one key signs for a client and for a broker of hints.
async fn one_key(faults: Faults) -> (World, Arc<SigningKey>) {
    let key = p256_key();
    let jwks = json!({"keys": [key.public().to_jwk(Some("k"), Some(Algorithm::Es256))]});
    let trusted = TrustedIssuer { issuer: BROKER.to_owned(), jwks: jwks.clone() };
    let settings = move |all: &mut Settings| all.login_hint_token_issuers = vec![trusted];
    let builder = World::builder().profile("ciba").faults(faults);
    let world = builder.configured(|it| it.limits.prompts_per_user_per_minute = 100);
    let world = world.settings(settings).start().await;
    world.phone_of("alice").is_ready().await;
    let members = json!({"jwks": jwks, SIGNS: "ES256"});
    world.registers_with_key("Signer", Arc::clone(&key), members).await;
    world.registers("Plain", json!({"jwks": jwks, SIGNS: "ES256"})).await;
    (world, key)
}

/// The four kinds, fresh.
async fn kinds(world: &World, key: &SigningKey) -> Vec<Once> {
    let plain = world.registered("Plain");
    let signer = world.client_of("Signer", testkit::Proof::Nothing);
    let assertion = Client::assertion(key, &signer.assertion_claims(), None);
    let request = Client::assertion(key, &plain.request_claims(&plain.asking("alice")), None);
    let now = world.now().seconds();
    let hint = json!({
        "iss": BROKER, "aud": world.issuer(), "iat": now, "exp": now + 120,
        "jti": world.app().entropy.hex::<8>(),
        "sub_id": {"format": "opaque", "id": "auth0|alice"},
    });
    let hint = Client::assertion(key, &hint, None);
    let by_hint = plain.asking("alice").without("login_hint").with("login_hint_token", hint);
    let id = plain.asks_for("alice").await;
    let other = plain.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    world.phone_of("alice").approves(&other).await;
    let form = |form: Form| plain.credentials(form).0;
    vec![
        Once {
            what: "assertion",
            path: "bc-authorize",
            form: signer.with_assertion(signer.asking("alice"), assertion),
            again: None,
            proof: None,
            refused: "401 invalid_client",
        },
        Once {
            what: "signed request",
            path: "bc-authorize",
            form: form(Form::new().with("request", request)),
            again: None,
            proof: None,
            refused: "400 invalid_request",
        },
        Once {
            what: "hint token",
            path: "bc-authorize",
            form: form(by_hint),
            again: None,
            proof: None,
            refused: "400 invalid_request",
        },
        Once {
            what: "DPoP proof",
            path: "oauth/token",
            form: form(plain.polling(&id)),
            again: Some(form(plain.polling(&other))),
            proof: Some(dpop_proof(key, &plain.proof_claims("oauth/token"))),
            refused: "400 invalid_dpop_proof",
        },
    ]
}

/// A12: an assertion, a signed request, a hint token and a proof are each good once: not again here,
/// not after a restart, not on another node.
#[tokio::test]
async fn what_is_good_once_is_refused_everywhere_afterwards() {
    let (world, key) = one_key(Faults::new()).await;
    let all = kinds(&world, &key).await;
    for once in &all {
        let answer = once.sent_to(&world).await;
        assert_eq!(answer.status, 200, "{}: {}", once.what, answer.text());
        assert_eq!(once.sent_again_to(&world).await, once.refused, "{}", once.what);
    }
    world.restart().await;
    for once in &all {
        assert_eq!(once.sent_again_to(&world).await, once.refused, "{}", once.what);
    }
    let Some(node) = world.second_node().await else { return };
    for once in &all {
        assert_eq!(once.sent_again_to(&node).await, once.refused, "{}", once.what);
    }
}

/// A12: while the database is away nothing that must be noted is taken; when it is back, it is as
/// good as it was, once.
#[tokio::test]
async fn nothing_is_taken_that_cannot_be_noted() {
    let faults = Faults::new();
    let (world, key) = one_key(faults.clone()).await;
    let all = kinds(&world, &key).await;
    faults.set_away(true);
    for once in &all {
        let answer = once.sent_to(&world).await;
        assert_eq!(answer.status, 503, "{}: {}", once.what, answer.text());
        let body: Value = answer.json();
        assert!(body["access_token"].is_null() && body["auth_req_id"].is_null());
    }
    faults.set_away(false);
    for once in &all {
        let first = once.sent_to(&world).await;
        assert!(first.status == 200 || first.summary() == once.refused, "{}", first.text());
        assert_eq!(once.sent_again_to(&world).await, once.refused, "{}", once.what);
    }
}
