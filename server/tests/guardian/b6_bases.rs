//! G5: what an SDK calls under each base it can be configured with (guardian B6.1).

use std::sync::Arc;

use device_protocol::guardian::proof::{self, Proof};
use device_protocol::guardian::resolve::{self, Decision};
use domain::jose::SigningKey;
use http::Method;
use serde_json::{Value, json};
use store::{Written, tenants};
use testkit::{Answer, World, p256_key};

use super::{code_for, enroll_body, jwk_of, signed, ticket_header};

/// Where the SDK sends its calls under one base: addresses without a final slash.
struct Calls {
    api: &'static str,
    consent: &'static str,
}

/// Calls an absolute address, as the public listener gets it.
async fn call(
    world: &World,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let url = url::Url::parse(url).unwrap();
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = http::Request::builder().method(method).uri(url.path());
    for (name, value) in headers.iter().chain([&("host", host)]) {
        request = request.header(*name, *value);
    }
    world.send(request.body(body.to_string().into()).unwrap()).await
}

async fn enrolls_at(world: &World, calls: &Calls, key: &Arc<SigningKey>) -> Value {
    let authorization = ticket_header(&code_for(world, "alice", true).await);
    let headers = [("authorization", authorization.as_str())];
    let url = format!("{}/enroll", calls.api);
    let answer = call(world, Method::POST, &url, &headers, &enroll_body(key)).await;
    assert_eq!(answer.status, 201, "{url}: {}", answer.text());
    answer.json()
}

async fn reads_at(world: &World, calls: &Calls, key: &SigningKey, push: &Value) {
    let url = format!("{}/{}", calls.consent, push["txlnkid"].as_str().unwrap());
    let txtkn = push["txtkn"].as_str().unwrap();
    let jti = world.app().entropy.hex::<16>();
    let claims = Proof { url: &url, txtkn, jti: &jti, issued_at: world.now().seconds() }.claims();
    let proof = signed(key, &proof::header("ES256", &jwk_of(key)), &claims);
    let authorization = format!("MFA-DPoP {txtkn}");
    let headers = [("authorization", authorization.as_str()), ("mfa-dpop", proof.as_str())];
    let answer = call(world, Method::GET, &url, &headers, &json!(null)).await;
    assert_eq!(answer.status, 200, "{url}: {}", answer.text());
}

async fn resolves_at(world: &World, calls: &Calls, key: &SigningKey, push: &Value) {
    let url = format!("{}/resolve-transaction", calls.api);
    let claims = resolve::Answer {
        identifier: "a1b2c3d4e5f60718",
        challenge: push["c"].as_str().unwrap(),
        url: &url,
        issued_at: world.now().seconds(),
        decision: Decision::Accepted,
    };
    let jwt = signed(key, &resolve::header("ES256"), &claims.claims());
    let authorization = format!("Bearer {}", push["txtkn"].as_str().unwrap());
    let headers = [("authorization", authorization.as_str())];
    let answer = call(world, Method::POST, &url, &headers, &resolve::body(&jwt)).await;
    assert_eq!(answer.status, 204, "{url}: {}", answer.text());
}

async fn works_at(world: &World, calls: &Calls) {
    let key = p256_key();
    let device = enrolls_at(world, calls, &key).await;
    let client = world.client();
    let started = client.starts(client.asking("alice")).await;
    assert_eq!(started.status, 200, "{}", started.text());
    let app = world.app();
    let pushes = app.courier.tray().unwrap().pushes_to("fcm-token");
    let push = pushes.iter().find(|push| push.payload["dai"] == device["id"]).unwrap();
    reads_at(world, calls, &key, &push.payload).await;
    resolves_at(world, calls, &key, &push.payload).await;
    assert_eq!(client.polls(&started.member("auth_req_id")).await, "200");
    world.advance_seconds(60);
}

async fn adds_host(world: &World, host: &str) {
    let write = tenants::add_host(world.tenant_id(), host);
    assert_eq!(world.app().database.run(write).await.unwrap(), Written::Done);
}

/// G5: under every base of the table a device enrolls, reads and resolves.
#[tokio::test]
async fn every_base_leads_to_the_same_server() {
    let world = World::new().await;
    adds_host(&world, "t.guardian.example.com").await;
    adds_host(&world, "t.example.com").await;
    for calls in [
        // https://h, https://h/appliance-mfa
        Calls {
            api: "https://login.example.com/appliance-mfa/api",
            consent: "https://login.example.com/rich-consents",
        },
        // https://h/appliance-mfa, SDKs of 2025
        Calls {
            api: "https://login.example.com/appliance-mfa/api",
            consent: "https://login.example.com/appliance-mfa/rich-consents",
        },
        // https://t.guardian.…
        Calls {
            api: "https://t.guardian.example.com/api",
            consent: "https://t.example.com/rich-consents",
        },
        // The same with a final slash, on iOS.
        Calls {
            api: "https://t.guardian.example.com/appliance-mfa/api",
            consent: "https://t.guardian.example.com/rich-consents",
        },
        // https://h/guardian/
        Calls {
            api: "https://login.example.com/guardian/api",
            consent: "https://login.example.com/rich-consents",
        },
    ] {
        works_at(&world, &calls).await;
    }
    let acme = world.second_tenant("acme").await;
    works_at(
        &acme,
        &Calls {
            api: "https://login.example.com/t/acme/appliance-mfa/api",
            consent: "https://login.example.com/t/acme/rich-consents",
        },
    )
    .await;
}
