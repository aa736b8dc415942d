//! O63 to O65: what the log says, and what it never says.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use device_protocol::guardian::resolve::Decision;
use domain::{ClientId, Fingerprint};
use http::Method;
use serde_json::Value;
use store::Written;
use store::clients::ClientRow;
use testkit::World;
use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
static STARTED: Once = Once::new();

/// Keeps the lines of each test's own thread.
struct Kept;

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

/// From here on every line of every level is kept.
fn listens() {
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(Kept)
            .init();
    });
    LINES.with_borrow_mut(Vec::clear);
}

fn text() -> String {
    LINES.with_borrow(|lines| String::from_utf8(lines.clone()).unwrap())
}

fn lines() -> Vec<Value> {
    text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn saying(message: &str) -> Vec<Value> {
    lines().into_iter().filter(|line| line["message"] == message).collect()
}

/// O63: each outcome is one line with the ids as fields.
#[tokio::test]
async fn each_outcome_is_one_line_with_its_ids() {
    let world = World::new().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    listens();
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    client.redeems(&id).await;
    let (asked, issued) = (saying("request accepted"), saying("tokens issued"));
    assert_eq!((asked.len(), issued.len()), (1, 1), "{}", text());
    for line in [&asked[0], &issued[0]] {
        assert_eq!(line["client.id"], client.id());
        assert_eq!(line["transaction.id"], asked[0]["transaction.id"]);
        assert_eq!(line["level"], "INFO");
    }
    let decided = lines().iter().filter(|line| line["transaction.id"].is_string()).count();
    assert_eq!(decided, 3, "asked, approved, issued: {}", text());
    listens();
    let denied = client.asks_for("alice").await;
    world.phone_of("alice").denies(&denied).await;
    let withdrawn = client.asks_for("alice").await;
    assert_eq!(client.cancels(&withdrawn).await.status, 204);
    let told = lines().iter().filter(|line| line["transaction.id"].is_string()).count();
    assert_eq!(told, 4, "{}", text());
    listens();
    let refused = client.starts(client.asking("nobody")).await;
    assert_eq!((refused.status, saying("refused").len()), (400, 1), "{}", text());
}

/// O256: every line of a request carries its trace id.
#[tokio::test]
async fn every_line_of_a_request_names_it() {
    let world = World::new().await;
    listens();
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers = [("traceparent", &*format!("00-{id}-00f067aa0ba902b7-01"))];
    let form = "client_id=nobody&client_secret=x";
    let refused = world.request(Method::POST, "oauth/token", &headers, form).await;
    assert!(refused.status >= 400, "{}", refused.text());
    let told = saying("refused");
    assert_eq!((told.len(), &told[0]["span"]["trace.id"]), (1, &Value::from(id)), "{}", text());
}

/// F32: a visit to a resource is logged under the name that its caller gave it.
#[tokio::test]
async fn a_visit_is_logged_by_its_name() {
    let world = World::builder().dev().start().await;
    let tokens = world.client().gets_tokens("alice", |form| form).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let name = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
    for (path, endpoint) in [("userinfo", "/userinfo"), ("dev/resource", "/dev/resource")] {
        for (token, status) in [(bearer.as_str(), 200), ("Bearer unknown", 401)] {
            listens();
            let headers = [("authorization", token), ("x-fapi-interaction-id", name)];
            let answer = world.request(Method::GET, path, &headers, "").await;
            let told = saying("a resource was visited");
            assert_eq!((answer.status, told.len()), (status, 1), "{}", text());
            assert_eq!(told[0]["interaction.id"], name);
            assert_eq!(
                (&told[0]["endpoint"], &told[0]["status"]),
                (&endpoint.into(), &status.into())
            );
        }
    }
}

/// O64, A6: no line of a whole loop and its refusals holds what is secret or personal.
#[tokio::test]
async fn no_line_holds_a_secret_or_a_person() {
    listens();
    let world = World::builder().dev().start().await;
    let client = world.client();
    let phone = world.phone_of("alice");
    let scope = "openid profile email offline_access read:balance";
    let audience = "https://api.example.com/payments";
    let message = "Pay 4711 to Mallory";
    let id = client
        .asks_with("alice", |form| {
            form.with("scope", scope).with("audience", audience).with("binding_message", message)
        })
        .await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(client.polls(&id).await, "429 slow_down");
    let push = phone.push_of(&id).await;
    world.advance_seconds(30);
    assert_eq!(phone.answers(&push, Decision::Accepted).await.status, 204);
    let again = phone.answers(&push, Decision::Rejected { reason: None }).await;
    assert!(again.status >= 400 || again.status == 204);
    let tokens = client.redeems(&id).await;
    assert_eq!(client.poll(&id).await.status, 403);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let refreshed = client.refreshes(refresh).await.json();
    assert_eq!(client.revokes(refresh).await.status, 200);
    assert_eq!(client.refreshes(refresh).await.status, 403);
    let mut secrets = refusals(&world, message).await;
    let other = client.asks_for("alice").await;
    phone.denies(&other).await;
    assert_eq!(client.polls(&other).await, "400 access_denied");
    let gone = client.asks_for("alice").await;
    assert_eq!(client.cancels(&gone).await.status, 204);
    let account = phone.account_token();
    phone.unenrolls().await;
    let texts = |value: &Value| {
        ["access_token", "id_token", "refresh_token"]
            .iter()
            .filter_map(|name| value[*name].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    secrets.extend(texts(&tokens));
    secrets.extend(texts(&refreshed));
    secrets.extend([id, other, gone, push.txtkn, push.challenge, account, message.into()]);
    secrets.push(client.secret().to_owned());
    secrets.push(world.operator().token().await);
    secrets.extend(
        ["alice@example.com", "alice Example", "push-token-", "eyJ", "21-49-"].map(Into::into),
    );
    assert!(secrets.iter().all(|secret| secret.len() > 2));
    let lines = text();
    assert!(lines.lines().count() > 15, "the loop is told: {lines}");
    for line in lines.lines() {
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "{secret} in {line}");
        }
    }
}

/// Refused calls that carry something of the caller's own; what they carried.
async fn refusals(world: &World, message: &str) -> Vec<String> {
    let client = world.client();
    let mut carried = Vec::new();
    for (name, value) in [
        ("client_secret", "wrong-secret-4712"),
        ("binding_message", "no<good>message-4713 ~~"),
        ("login_hint", "mallory-4714@example.com"),
        ("scope", "nothing-4715"),
        ("audience", "urn:nobody-4716"),
        ("requested_expiry", "nine-4717"),
        ("authorization_details", "[{\"type\":\"secret-4718\"}]"),
    ] {
        let (form, _) = client.credentials(client.asking("alice"));
        let form = form.with("binding_message", message).with(name, value);
        let answer = world.post_form("bc-authorize", &form, &[]).await;
        assert!((400..500).contains(&answer.status), "{name} {}", answer.status);
        if !["scope", "audience", "requested_expiry", "authorization_details"].contains(&name) {
            carried.push(value.to_owned());
        }
    }
    let unknown = "AAAAunknown-request-4719";
    assert!(client.poll(unknown).await.status >= 400);
    assert!(client.cancels(unknown).await.status >= 400);
    assert_eq!(client.refreshes("unknown-token-4720").await.status, 403);
    assert_eq!(client.revokes("unknown-token-4721").await.status, 200);
    assert!(world.phone_of("alice").starts_flow("unknown-ticket-4722").await.status >= 400);
    let headers = [("authorization", "Bearer unknown-bearer-4723")];
    for path in ["userinfo", "api/v2/users", "rich-consents/cns_unknown"] {
        let answer = world.request(Method::GET, path, &headers, "").await;
        assert!(answer.status >= 400, "{path}");
    }
    let user = serde_json::json!({
        "connection": "Username-Password-Authentication",
        "email": "mallory-4724@example.com", "password": "password-4725", "name": "Mallory 4726",
    });
    assert_eq!(world.operator().posts("users", &user).await.status, 201);
    assert_eq!(world.operator().posts("users", &user).await.status, 409);
    // With what stands before them: times and trace ids have digits too.
    carried.extend((4719..=4725).map(|number| format!("-{number}")));
    carried.push(String::from("Mallory 4726"));
    carried
}

/// O65: an unexpected failure is told once with its cause and an id that the caller sees.
#[tokio::test]
async fn an_unexpected_failure_is_told_once() {
    let world = World::new().await;
    let spoiled = ClientRow {
        client_id: ClientId::new("spoiled"),
        secret_hash: Some(Fingerprint::of(b"secret-of-spoiled")),
        document: String::from("{}"),
        created_at: world.now(),
        updated_at: world.now(),
    };
    let insert = store::clients::insert(world.tenant_id(), &spoiled);
    assert_eq!(world.app().database.run(insert).await, Ok(Written::Done));
    listens();
    let answer = world.registered("spoiled").poll("unknown").await;
    assert_eq!(answer.summary(), "500 server_error", "{}", answer.text());
    let told = lines();
    assert_eq!(told.len(), 1, "{}", text());
    assert_eq!(told[0]["level"], "ERROR");
    let cause = told[0]["cause"].as_str().unwrap();
    assert!(cause.contains("client spoiled"), "{cause}");
    let fault = told[0]["fault"].as_u64().unwrap();
    let words = answer.member("error_description");
    assert!(words.contains(&format!("fault {fault}")) && !words.contains("spoiled"), "{words}");
}
