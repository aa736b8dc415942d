//! W171 to W179: rich authorization requests.

use serde_json::{Map, Value, json};
use testkit::{Form, World};

const PAYMENTS: &str = "https://api.example.com/payments";

fn with(form: Form, details: &str) -> Form {
    form.with("audience", PAYMENTS).with("authorization_details", details)
}

async fn all_are_refused(details: &[String]) {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    for details in details {
        let answer = client.starts(with(client.asking("alice"), details)).await;
        assert_eq!(answer.summary(), "400 invalid_authorization_details", "{details}");
        assert!(!answer.member("error_description").is_empty());
    }
    assert!(world.phone_of("alice").pushes().await.is_empty());
    client.asks_with("alice", |form| with(form, r#"[{"type":"payment_initiation"}]"#)).await;
}

fn payment(members: &Value) -> Value {
    let mut payment = Map::new();
    payment.insert(String::from("type"), "payment_initiation".into());
    payment.extend(members.as_object().unwrap().clone());
    payment.into()
}

/// W171, W179: details of a registered type reach phone, answer and token as they were sent.
#[tokio::test]
async fn details_reach_the_phone_and_the_token() {
    let world = World::new().await;
    let client = world.client();
    let details = json!([payment(
        &json!({"amount": "2500", "to": {"name": "Ann & Co", "x": [1, null, true]}})
    )]);
    let id = client.asks_with("alice", |form| with(form, &details.to_string())).await;
    let consent = world.phone_of("alice").consent_of(&id).await;
    assert_eq!(consent["requested_details"]["authorization_details"], details);
    world.phone_of("alice").approves(&id).await;
    let tokens = client.redeems(&id).await;
    assert_eq!(tokens["authorization_details"], details);
    let token = world.verified(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["authorization_details"], details);
}

/// W172: an array of objects, each with a type.
#[tokio::test]
async fn details_must_be_an_array_of_typed_objects() {
    let texts = [
        "x",
        "{",
        "null",
        "7",
        "\"x\"",
        "{}",
        r#"{"type":"payment_initiation"}"#,
        "[]",
        "[7]",
        "[null]",
        "[[]]",
        "[{}]",
        r#"[{"type":7}]"#,
        r#"[{"type":""}]"#,
        r#"[{"type":null}]"#,
        r#"[{"type":"payment_initiation"},{}]"#,
        r#"[{"type":"payment_initiation"}"#,
    ];
    all_are_refused(&texts.map(String::from)).await;
}

/// W173: five kilobytes, five entries.
#[tokio::test]
async fn details_have_a_size() {
    let long: Map<String, Value> =
        (0..9).map(|n| (format!("p{n}"), Value::from("x".repeat(250)))).collect();
    let long = payment(&long.into());
    let many = json!(vec![payment(&json!({})); 6]);
    all_are_refused(&[json!([long, long, long]).to_string(), many.to_string()]).await;
}

/// W174: what an object may hold.
#[tokio::test]
async fn an_entry_has_limits() {
    let names: Map<String, Value> = (0..10).map(|n| (format!("p{n}"), json!(1))).collect();
    let deep = json!({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}});
    let details = [
        Value::Object(names),
        json!({"x".repeat(256): 1}),
        json!({"a b": 1}),
        json!({"ä": 1}),
        json!({"a": "x".repeat(256)}),
        deep,
    ];
    all_are_refused(&details.map(|members| json!([payment(&members)]).to_string())).await;
}

/// W174, W175: at the limits all is well, and a type may come twice.
#[tokio::test]
async fn details_at_the_limits_are_taken() {
    let world = World::new().await;
    let client = world.client();
    let names: Map<String, Value> = (0..9).map(|n| (format!("p{n}"), json!(1))).collect();
    for details in [
        json!([payment(&Value::Object(names))]),
        json!([payment(&json!({"x".repeat(255): "x".repeat(255)}))]),
        json!([payment(&json!({"a.b_c-D9": 1})), payment(&json!({}))]),
        json!(vec![payment(&json!({})); 5]),
    ] {
        client.asks_with("alice", |form| with(form, &details.to_string())).await;
    }
}

/// W176, W177: a type belongs to an API.
#[tokio::test]
async fn only_registered_types_are_taken() {
    all_are_refused(&[json!([{"type": "account_information"}]).to_string()]).await;
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let details = r#"[{"type":"payment_initiation"}]"#;
    let answer = client.starts(with(client.asking("alice"), details).without("audience")).await;
    assert_eq!(answer.summary(), "400 invalid_authorization_details");
}

/// W178: where an API wants grants, the grant lists the types.
#[tokio::test]
async fn a_grant_lists_the_types() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let audience = "https://by-grant.example/";
    let types = json!([{"type": "one"}, {"type": "two"}]);
    let policy = json!({"user": {"policy": "require_client_grant"}});
    let api = json!({
        "identifier": audience, "authorization_details": types, "subject_type_authorization": policy,
    });
    world.registers_api(api).await;
    let client = world.client();
    let body = json!({
        "client_id": client.id(), "audience": audience, "scope": [], "subject_type": "user",
        "authorization_details_types": ["one"],
    });
    let granted = world.operator().posts("client-grants", &body).await;
    assert_eq!(granted.status, 201, "{}", granted.text());
    for (name, expected) in [("one", "200"), ("two", "400 invalid_authorization_details")] {
        let details = json!([{"type": name}]).to_string();
        let form = with(client.asking("alice"), &details).with("audience", audience);
        assert_eq!(client.starts(form).await.summary(), expected, "{name}");
    }
}
