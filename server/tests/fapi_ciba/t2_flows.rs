//! T1, T2, T4, T27 and T29: whole flows, in all four variants.

use http::Request;
use serde_json::{Value, json};

use super::fixture::{Certificate, INTERACTION, Stage, VARIANTS, is_clean, is_undecided, showing};

/// T1: what the metadata must say.
#[tokio::test]
async fn the_metadata_says_what_the_profile_needs() {
    for variant in VARIANTS {
        let stage = Stage::new(variant).await;
        let metadata = stage.world.get(".well-known/openid-configuration").await.json();
        assert_eq!(metadata["issuer"], stage.world.issuer());
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
        let has = |member: &str, value: &str| {
            let list = metadata[member].as_array().unwrap_or_else(|| panic!("no {member}"));
            list.iter().any(|one| one == value)
        };
        assert!(has("id_token_signing_alg_values_supported", "PS256"));
        assert!(has("id_token_signing_alg_values_supported", "ES256"));
        let method = if variant.by_key { "private_key_jwt" } else { "self_signed_tls_client_auth" };
        assert!(has("token_endpoint_auth_methods_supported", method));
        assert!(has("token_endpoint_auth_signing_alg_values_supported", "PS256"));
        for endpoint in ["token_endpoint", "jwks_uri", "backchannel_authentication_endpoint"] {
            assert!(metadata[endpoint].as_str().unwrap().starts_with("https://"), "{endpoint}");
        }
        let algs = "backchannel_authentication_request_signing_alg_values_supported";
        assert!(has(algs, "PS256") && has(algs, "ES256"));
        assert!(metadata["backchannel_user_code_parameter_supported"].is_boolean());
        assert!(has("grant_types_supported", "urn:openid:params:grant-type:ciba"));
        let mode = if variant.pings { "ping" } else { "poll" };
        assert!(has("backchannel_token_delivery_modes_supported", mode));
    }
}

/// T2: two clients, the second with everything unusual at once.
#[tokio::test]
async fn two_clients_get_their_tokens_and_keep_them() {
    for variant in VARIANTS {
        let stage = Stage::new(variant).await;
        let (first, mut second) = (stage.party("first").await, stage.party("second").await);
        second.person = "bob";
        let mine = first.flows(&first.claims()).await;
        token_is_read_from_its_header_alone(&stage, &mine, &first.certificate).await;
        let token = mine["access_token"].as_str().unwrap();
        for accept in ["application/json", "*/*", "application/json;charset=UTF-8", "text/html"] {
            let headers =
                [("accept", accept), ("x-fapi-customer-ip-address", "2001:db8::1893:25c8")];
            let visit = first.visits(token, &headers, &first.certificate).await;
            assert_eq!(visit.status, 200, "{accept}");
        }

        let class = stage.world.get(".well-known/openid-configuration").await.json();
        let mut claims = second.claims();
        claims["requested_expiry"] = 300.into();
        claims["acr_values"] = class["acr_values_supported"][0].clone();
        if variant.pings {
            claims["client_notification_token"] = format!("{}=", "a".repeat(1023)).into();
        }
        let jwt = testkit::Client::assertion(&second.key, &claims, Some("jWt"));
        let form = testkit::Form::new().with("request", jwt);
        let started = second.posts("bc-authorize", form).await;
        assert_eq!(started.status, 200, "{}", started.text());
        assert_eq!(started.json()["expires_in"], 300);
        stage.world.run_worker().await;
        let id = started.member("auth_req_id");
        let before = stage.script.calls().len();
        stage.script.then(204, &Value::Null);
        stage.decides(&id, "allow").await;
        if variant.pings {
            second.is_told(&id, before, claims["client_notification_token"].as_str().unwrap());
        }
        let theirs = second.is_good(&second.collects(&id).await).await;
        let id_token = stage.world.verified(theirs["id_token"].as_str().unwrap()).await;
        assert_eq!(id_token.claims["acr"], claims["acr_values"]);

        let stolen = theirs["access_token"].as_str().unwrap();
        let visit = second.visits(stolen, &[], &first.certificate).await;
        assert_eq!(visit.summary(), "401 invalid_token");
        let again = second.polls(&id).await;
        assert_eq!(again.summary(), "400 invalid_grant");
        is_clean(&again);
    }
}

async fn token_is_read_from_its_header_alone(stage: &Stage, tokens: &Value, held: &Certificate) {
    let token = tokens["access_token"].as_str().unwrap();
    let path = stage.world.path(&format!("dev/resource?access_token={token}"));
    let request = Request::get(path).header("x-fapi-interaction-id", INTERACTION);
    let request = showing(request.body(axum::body::Body::empty()).unwrap(), Some(held));
    let refused = stage.world.send(request).await;
    assert_eq!(refused.summary(), "401 invalid_token");
    assert_eq!(refused.header("x-fapi-interaction-id"), INTERACTION);
}

/// T4, F15, F5: twenty polls in a row, whoever had them made, cancel nothing, for clients that poll
/// and clients that are told.
#[tokio::test]
async fn twenty_polls_in_a_row_cancel_nothing() {
    for variant in VARIANTS {
        let stage = Stage::new(variant).await;
        let party = stage.party("hasty").await;
        let id = party.starts(&party.claims()).await.member("auth_req_id");
        for _ in 0..20 {
            is_undecided(&party.polls(&id).await);
        }
        let before = stage.script.calls().len();
        stage.script.then(204, &Value::Null);
        stage.decides(&id, "allow").await;
        assert_eq!(stage.script.calls().len(), before + usize::from(variant.pings));
        party.is_good(&party.collects(&id).await).await;
    }
}

/// T27: another client's `auth_req_id` is worth nothing, and stays good for its own.
#[tokio::test]
async fn a_request_belongs_to_its_client() {
    for variant in VARIANTS {
        let stage = Stage::new(variant).await;
        let (first, second) = (stage.party("first").await, stage.party("second").await);
        let id = first.starts(&first.claims()).await.member("auth_req_id");
        stage.script.then(204, &Value::Null);
        stage.decides(&id, "allow").await;
        let refused = second.polls(&id).await;
        assert_eq!(refused.summary(), "400 invalid_grant");
        is_clean(&refused);
        party_gets(&first, &id).await;
    }
}

async fn party_gets(party: &super::fixture::Party<'_>, id: &str) -> Value {
    party.is_good(&party.collects(id).await).await
}

/// T29: both refresh; neither can with the other's token.
#[tokio::test]
async fn a_refresh_token_belongs_to_its_client() {
    for variant in VARIANTS {
        let stage = Stage::new(variant).await;
        let (first, second) = (stage.party("first").await, stage.party("second").await);
        let mut refresh_tokens = Vec::new();
        for party in [&first, &second] {
            let mut claims = party.claims();
            claims["scope"] = "openid read:balance offline_access".into();
            claims["audience"] = "https://api.example.com/payments".into();
            let tokens = party.flows(&claims).await;
            let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
            stage.world.advance_seconds(10);
            let renewed = refreshes(party, &refresh).await;
            let after = party.is_good(&renewed).await;
            assert_ne!(after["access_token"], tokens["access_token"]);
            let told = |tokens: &Value| tokens["id_token"].as_str().unwrap().to_owned();
            let was = stage.world.verified(&told(&tokens)).await.claims;
            let is = stage.world.verified(&told(&after)).await.claims;
            for same in ["iss", "sub", "aud", "auth_time"] {
                assert_eq!(was[same], is[same], "{same}");
            }
            assert!(is["iat"].as_i64() > was["iat"].as_i64());
            refresh_tokens.push(refresh);
        }
        let refused = refreshes(&first, &refresh_tokens[1]).await;
        assert_eq!(refused.summary(), "400 invalid_grant");
        is_clean(&refused);
        assert_eq!(refreshes(&second, &refresh_tokens[1]).await.status, 200, "it is still good");
    }
}

async fn refreshes(party: &super::fixture::Party<'_>, token: &str) -> testkit::Answer {
    let form =
        testkit::Form::new().with("grant_type", "refresh_token").with("refresh_token", token);
    party.posts("oauth/token", form).await
}

/// The members that T1 looks for are those of the profile, not of the server.
#[tokio::test]
async fn a_tenant_of_nothing_else_tells_of_nothing_else() {
    let world = testkit::World::builder()
        .profile("fapi-ciba")
        .settings(|settings| settings.profiles = vec![String::from("fapi-ciba")])
        .start()
        .await;
    let metadata = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
}
