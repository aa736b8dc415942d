//! W305: the recorded requests of Auth0's SDKs, replayed with the clock at their time. Everything
//! they name is seeded; only the Management bearer is swapped for one of ours (decision 29).

use axum::body::Body;
use domain::{ClientId, Fingerprint, Timestamp};
use http::Request;
use serde_json::{Value, json};
use store::Written;
use testkit::{Answer, World, vectors};

const CLIENT: &str = "goldenClientId0123456789abcdefgh";

/// A World in which the recorded names exist, for one recorded case.
async fn world_of(vectors: &Value, case: &Value) -> World {
    let values = &vectors["values"];
    let first = &case["requests"][0];
    let received = first["received_at"].as_f64().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "a recorded time")]
    let start = Timestamp::from_ms((received * 1000.0) as i64);
    let world = World::builder()
        .public_url("https://localhost:8443/")
        .starting_at(start)
        .configured(|config| config.limits.prompts_per_user_per_minute = 60)
        .start()
        .await;
    let by_key = case["auth_variant"] == "private_key_jwt";
    let members =
        if by_key { json!({"token_endpoint_auth_method": "private_key_jwt"}) } else { json!({}) };
    world.registers(CLIENT, members).await;
    let app = world.app();
    let tenant = world.tenant_id();
    let id = ClientId::new(CLIENT);
    if by_key {
        let key = &vectors["client_assertion_key"]["public_jwk"];
        let credential = store::client_credentials::CredentialRow {
            id: format!("cred_{CLIENT}"),
            client_id: id.clone(),
            document: json!({"alg": "RS256", "public_jwk": key}).to_string(),
            created_at: start,
            updated_at: start,
            expires_at: None,
        };
        let old = store::client_credentials::delete(tenant, &id, &credential.id);
        assert_eq!(app.database.run(old).await.unwrap(), Written::Done);
        let new = store::client_credentials::insert(tenant, &credential, 2);
        assert_eq!(app.database.run(new).await.unwrap(), Written::Done);
    } else {
        let special = case["name"].as_str().unwrap().contains("special_char");
        let name =
            if special { "client_secret_of_the_special_character_cases" } else { "client_secret" };
        let hash = Fingerprint::of(values[name].as_str().unwrap().as_bytes());
        let change = store::clients::change_secret(tenant, &id, hash, start);
        assert_eq!(app.database.run(change).await.unwrap(), Written::Done);
    }
    world.grants(CLIENT, &world.url("api/v2/"), "client", server::flows::MANAGEMENT_SCOPES).await;
    world.adds_user("u1").await;
    world
}

/// What the recording's user needs before this request can be taken: a device, an approval.
async fn prepare(world: &World, request: &Value) -> Request<Body> {
    let method = request["method"].as_str().unwrap();
    let mut replay = Request::builder().method(method).uri(request["target"].as_str().unwrap());
    for header in request["headers"].as_array().unwrap() {
        let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
        let is_bearer = name.eq_ignore_ascii_case("authorization") && value.starts_with("Bearer ");
        if is_bearer {
            replay = replay.header(name, format!("Bearer {}", world.operator().token().await));
        } else if !name.eq_ignore_ascii_case("content-length") {
            replay = replay.header(name, value);
        }
    }
    replay.body(Body::from(request["body"].as_str().unwrap_or_default().to_owned())).unwrap()
}

/// Which statuses a request of this purpose may get here. Polls, refreshes and revocations name
/// made-up ids: they are authenticated, read and answered as unknown.
fn is_taken(request: &Value, answer: &Answer) -> bool {
    let summary = answer.summary();
    match request["purpose"].as_str().unwrap() {
        "start" | "management_token" | "discovery" | "jwks" | "revoke" => summary == "200",
        "poll" | "refresh" => summary == "403 invalid_grant",
        "user_create" => summary == "201" || summary == "409",
        other => panic!("{other} is the Management API's"),
    }
}

/// W305: starts, polls, refreshes, revocations, tokens for programs, discovery and keys.
#[tokio::test]
async fn recorded_requests_of_auth0s_sdks_are_taken() {
    let vectors = vectors::auth0_sdk_requests();
    let mut replayed = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let world = world_of(&vectors, case).await;
        world.phone_of("u1").is_ready().await;
        for request in case["requests"].as_array().unwrap() {
            if request["client_auth"] == "bearer" {
                continue;
            }
            let made_at = request["assertions"][0]["made_at"].as_i64();
            let received = request["received_at"].as_f64().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "a recorded time")]
            let now = made_at.map_or((received * 1000.0) as i64, |seconds| seconds * 1000);
            world.set_time(Timestamp::from_ms(now));
            let answer = world.send(prepare(&world, request).await).await;
            let id = &case["id"];
            assert!(is_taken(request, &answer), "{id}: {} {}", answer.status, answer.text());
            replayed += 1;
        }
        world.run_worker().await;
    }
    assert!(replayed >= 110, "{replayed}");
}
