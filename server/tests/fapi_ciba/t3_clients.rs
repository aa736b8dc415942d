//! T30 to T38: clients that prove too little, or claim to be another.

use domain::jose::Algorithm;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, Proof, client_key};

use super::fixture::{Stage, VARIANTS, Variant, is_clean};

/// The public half of `testkit::client_key`.
const CLIENT_PEM: &str = include_str!("../auth0/client_key_public.pem");

fn of(by_key: bool) -> impl Iterator<Item = Variant> {
    VARIANTS.into_iter().filter(move |variant| variant.by_key == by_key)
}

/// That an answer is this refusal in clean words, and nobody is asked.
async fn is_refused(stage: &Stage, answer: &Answer, expected: &str) {
    assert_eq!(answer.summary(), expected, "{}", answer.text());
    is_clean(answer);
    stage.world.run_worker().await;
    assert!(stage.script.calls().is_empty());
}

/// T30: who shows no certificate gets no token; the handshakes are `tls`.
#[tokio::test]
async fn a_token_is_for_who_shows_a_certificate() {
    for variant in VARIANTS {
        let stage = Stage::new(variant).await;
        let party = stage.party("bare").await;
        let id = party.starts(&party.claims()).await.member("auth_req_id");
        stage.script.then(204, &Value::Null);
        stage.decides(&id, "allow").await;
        let form = party.proven("oauth/token", party.client.polling(&id));
        let refused = party.sends("oauth/token", &form, None).await;
        let expected = if variant.by_key { "400 invalid_request" } else { "401 invalid_client" };
        assert_eq!(refused.summary(), expected, "{}", refused.text());
        is_clean(&refused);
        party.is_good(&party.collects(&id).await).await;
    }
}

/// T31: another client's name beside one's own request and certificate.
#[tokio::test]
async fn the_request_of_one_client_under_the_name_of_another() {
    for variant in of(false) {
        let stage = Stage::new(variant).await;
        let (first, second) = (stage.party("first").await, stage.party("second").await);
        let form = first.signed(&first.claims()).with("client_id", second.client.id());
        let answer = first.sends("bc-authorize", &form, Some(&first.certificate)).await;
        is_refused(&stage, &answer, "401 invalid_client").await;
    }
}

/// T32: another client's name, and a request under that name, with one's own certificate.
#[tokio::test]
async fn the_name_of_another_client_with_ones_own_certificate() {
    for variant in of(false) {
        let stage = Stage::new(variant).await;
        let (first, second) = (stage.party("first").await, stage.party("second").await);
        let mut claims = first.claims();
        claims["iss"] = second.client.id().into();
        let form = first.signed(&claims).with("client_id", second.client.id());
        let answer = first.sends("bc-authorize", &form, Some(&first.certificate)).await;
        is_refused(&stage, &answer, "401 invalid_client").await;
    }
}

/// T33: another client's name at the token endpoint.
#[tokio::test]
async fn the_name_of_another_client_at_the_token_endpoint() {
    for variant in of(false) {
        let stage = Stage::new(variant).await;
        let (first, second) = (stage.party("first").await, stage.party("second").await);
        let id = first.starts(&first.claims()).await.member("auth_req_id");
        let form = first.client.polling(&id).with("client_id", second.client.id());
        let answer = first.sends("oauth/token", &form, Some(&first.certificate)).await;
        is_refused(&stage, &answer, "401 invalid_client").await;
    }
}

/// T34, T35: the name alone, at both endpoints.
#[tokio::test]
async fn a_name_without_an_assertion() {
    for variant in of(true) {
        let stage = Stage::new(variant).await;
        let party = stage.party("named").await;
        let id = party.starts(&party.claims()).await.member("auth_req_id");
        let forms = [
            ("bc-authorize", party.signed(&party.claims())),
            ("oauth/token", party.client.polling(&id)),
        ];
        for (path, form) in forms {
            let form = form.with("client_id", party.client.id());
            let answer = party.sends(path, &form, Some(&party.certificate)).await;
            is_refused(&stage, &answer, "401 invalid_client").await;
        }
    }
}

/// T36, T37: an RSA key that is registered for PS256, and signs with RS256.
#[tokio::test]
async fn an_assertion_by_rs256() {
    for variant in of(true) {
        let stage = Stage::new(variant).await;
        let world = &stage.world;
        let template = stage.party("template").await;
        let key = client_key();
        let body = json!({
            "name": "rsa", "profile": "fapi-ciba", "oidc_conformant": true,
            "grant_types": ["urn:openid:params:grant-type:ciba"],
            "backchannel_authentication_request_signing_alg": "PS256",
            "client_authentication_methods": {"private_key_jwt": {"credentials": [
                {"credential_type": "public_key", "alg": "PS256", "pem": CLIENT_PEM},
            ]}},
        });
        let made = world.operator().posts("clients", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let client = world.client_of(&made.member("client_id"), Proof::Nothing);
        let proven = |algorithm, form: Form| {
            let assertion = Client::assertion_by(&key, algorithm, &client.assertion_claims(), None);
            client.with_assertion(form, assertion)
        };
        let start = || {
            let claims = client.request_claims(&client.asking("alice"));
            Form::new().with("request", Client::assertion_by(&key, Algorithm::Ps256, &claims, None))
        };
        let shown = Some(&template.certificate);
        let weak = template.sends("bc-authorize", &proven(Algorithm::Rs256, start()), shown).await;
        is_refused(&stage, &weak, "401 invalid_client").await;
        let good = template.sends("bc-authorize", &proven(Algorithm::Ps256, start()), shown).await;
        assert_eq!(good.status, 200, "{}", good.text());
        world.run_worker().await;
        let poll = || client.polling(&good.member("auth_req_id"));
        let weak = template.sends("oauth/token", &proven(Algorithm::Rs256, poll()), shown).await;
        is_refused(&stage, &weak, "401 invalid_client").await;
        let good = template.sends("oauth/token", &proven(Algorithm::Ps256, poll()), shown).await;
        assert_eq!(good.summary(), "400 authorization_pending");
    }
}

/// T38: the issuer as the audience at the token endpoint.
#[tokio::test]
async fn an_assertion_for_the_issuer_at_the_token_endpoint() {
    for variant in of(true) {
        let stage = Stage::new(variant).await;
        let party = stage.party("exact").await;
        let id = party.starts(&party.claims()).await.member("auth_req_id");
        stage.script.then(204, &Value::Null);
        stage.decides(&id, "allow").await;
        let form = party.proven_to(&stage.world.issuer(), party.client.polling(&id));
        let answer = party.sends("oauth/token", &form, Some(&party.certificate)).await;
        party.is_good(&answer).await;
    }
}
