//! O53: what cannot be read is said to be so, on every face.

use http::Method;
use testkit::{Answer, World};

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str| {
        format!("{{\"name\":{}1{}}}", open.repeat(10_000), close.repeat(10_000)).into_bytes()
    };
    vec![
        ("nested arrays", nested("[", "]")),
        ("nested objects", nested("{\"a\":", "}")),
        ("broken UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("a lone surrogate", b"{\"name\":\"\\ud800\"}".to_vec()),
        ("a doubled member", b"{\"name\":\"a\",\"name\":\"b\"}".to_vec()),
        ("a doubled inner member", b"{\"name\":{\"a\":1,\"a\":2}}".to_vec()),
        ("a large integer", b"{\"name\":9007199254740993}".to_vec()),
        ("a small integer", b"{\"name\":-9007199254740993}".to_vec()),
        ("an endless number", b"{\"name\":1e400}".to_vec()),
        ("no JSON", b"name=x".to_vec()),
        ("nothing", Vec::new()),
    ]
}

/// That `answer` says in words what is wrong.
#[track_caller]
fn is_told(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    let body = answer.json();
    let words =
        ["error_description", "message"].map(|name| body[name].as_str().unwrap_or_default());
    assert!(words.iter().any(|words| words.len() > 10), "{what}: {body}");
}

/// O53: deep, broken, ambiguous and endless JSON: told, and nothing stored.
#[tokio::test]
async fn json_that_cannot_be_believed_is_refused_everywhere() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.operator().token().await);
    let users = world.operator().gets("users?include_totals=true").await.json()["total"].clone();
    let clients =
        world.operator().gets("clients?include_totals=true").await.json()["total"].clone();
    for (what, body) in bodies() {
        for (path, authorization) in [
            ("oauth/token", ""),
            ("oauth/revoke", ""),
            ("ciba/cancel", ""),
            ("api/v2/users", bearer.as_str()),
            ("api/v2/clients", bearer.as_str()),
            ("api/v2/guardian/enrollments/ticket", bearer.as_str()),
            ("appliance-mfa/api/enroll", "Ticket id=\"x\""),
            ("appliance-mfa/api/resolve-transaction", "Bearer x"),
        ] {
            let headers = [("content-type", "application/json"), ("authorization", authorization)];
            let headers = if authorization.is_empty() { &headers[..1] } else { &headers[..] };
            let answer = world.request(Method::POST, path, headers, body.clone()).await;
            is_told(&answer, &format!("{path}: {what}"));
        }
    }
    assert_eq!(world.operator().gets("users?include_totals=true").await.json()["total"], users);
    assert_eq!(world.operator().gets("clients?include_totals=true").await.json()["total"], clients);
}
