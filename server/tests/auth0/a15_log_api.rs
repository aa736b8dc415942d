//! W229 and W280 to W282: reading the log. What stands in it is `a15_logs` and, for devices, below.

use device_protocol::guardian::resolve::Decision;
use domain::{ClientId, LogEvent, UserId};
use http::Method;
use serde_json::{Value, json};
use server::outside::Receipt;
use store::{Write, Written, log_events};
use testkit::{Answer, World};

use super::a11_management::{assert_denied, denied, token_with};

/// Entries of whole seconds from now on, as if they had happened.
async fn told(world: &World, entries: i64) {
    let mut write = Write::new();
    for number in 1..=entries {
        if number % 50 == 0 {
            assert_eq!(world.app().database.run(write).await, Ok(Written::Done));
            write = Write::new();
        }
        let event = LogEvent {
            id: number,
            at: world.now().plus_ms(number * 1000),
            kind: String::from(if number % 2 == 0 { "ciba_start_failed" } else { "gd_send_pn" }),
            client_id: Some(ClientId::new("shop")),
            user_id: (number % 3 == 0).then(|| UserId::new("auth0|alice")),
            document: json!({
                "description": format!("Entry {number} of the shop"),
                "client_name": "Shop",
                "hostname": "localhost:8443",
                "ip": "192.0.2.7",
                "user_agent": "Mozilla/5.0 (Linux; Android 15)",
                "details": {"number": number},
            }),
        };
        write = log_events::append(write, world.tenant_id(), &event);
    }
    assert_eq!(world.app().database.run(write).await, Ok(Written::Done));
}

fn ids(list: &Value) -> Vec<i64> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["log_id"].as_str().unwrap().parse().unwrap()).collect()
}

async fn found(world: &World, query: &str) -> Vec<i64> {
    let answer = world.operator().gets(&format!("logs?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    ids(&answer.json())
}

/// W280: pages, totals, order and fields.
#[tokio::test]
async fn the_log_is_read_by_pages() {
    let world = World::new().await;
    told(&world, 5).await;
    assert_eq!(found(&world, "").await, [5, 4, 3, 2, 1]);
    assert_eq!(found(&world, "page=1&per_page=2").await, [3, 2]);
    assert_eq!(found(&world, "page=9&per_page=2").await, Vec::<i64>::new());
    assert_eq!(found(&world, "sort=date:1&per_page=2").await, [1, 2]);
    assert_eq!(found(&world, "sort=date:-1&per_page=2").await, [5, 4]);
    assert_eq!(found(&world, "sort=type:1").await, [2, 4, 1, 3, 5]);
    assert_eq!(found(&world, "sort=description:-1&per_page=1").await, [5]);
    let page = world.operator().gets("logs?page=1&per_page=2&include_totals=true").await.json();
    assert_eq!(
        (&page["start"], &page["limit"], &page["length"], &page["total"]),
        (&json!(2), &json!(2), &json!(2), &json!(5))
    );
    assert_eq!(ids(&page["logs"]), [3, 2]);
    let some = world.operator().gets("logs?per_page=1&fields=type,log_id").await.json();
    assert_eq!(some, json!([{"type": "gd_send_pn", "log_id": "5"}]));
    let others = world.operator().gets("logs?fields=details&include_fields=false").await.json();
    assert!(others[0].get("details").is_none() && others[0]["type"] == "gd_send_pn");
}

/// W280: `q` of the older SDKs and `search` of the newer ones mean the same.
#[tokio::test]
async fn the_log_is_searched() {
    let world = World::new().await;
    told(&world, 6).await;
    let second = world.now().plus_ms(2000).to_iso();
    let from_second = format!("date:[\"{second}\" TO *]");
    let cases: [(&str, &[i64]); 13] = [
        ("type:ciba_start_failed", &[6, 4, 2]),
        ("type:gd_*", &[5, 3, 1]),
        ("type:*_failed", &[6, 4, 2]),
        ("type:CIBA_START_FAILED", &[]),
        ("user_id:\"auth0|alice\" AND type:gd_send_pn", &[3]),
        ("client_id:shop AND NOT type:gd_send_pn", &[6, 4, 2]),
        ("description:\"Entry 4 of the shop\"", &[4]),
        ("log_id:2 OR log_id:\"5\"", &[5, 2]),
        ("ip:192.0.2.* AND log_id:[3 TO 4]", &[4, 3]),
        ("gd_send_pn", &[5, 3, 1]),
        ("\"Entry 1 of the shop\"", &[1]),
        ("_exists_:user_id", &[6, 3]),
        (&from_second, &[6, 5, 4, 3, 2]),
    ];
    for (question, expected) in cases {
        for name in ["q", "search"] {
            let query: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair(name, question)
                .finish();
            assert_eq!(found(&world, &query).await, expected, "{question}");
        }
    }
}

/// W280: what is not understood is refused with its place.
#[tokio::test]
async fn what_the_log_does_not_understand_is_refused() {
    let world = World::new().await;
    let operator = world.operator();
    for (question, place) in [
        ("q=details.number:1", "character 1"),
        ("search=type:a%20AND", "character 11"),
        ("q=(type:a", "character 1"),
        ("q=client_id:shop%20NOT%20type:a", "character 16"),
        ("q=type:*fa", "character 6"),
        ("q=date:yesterday", "character 6"),
        ("q=type:a%3F", "character 7"),
        ("q=type:a&search=type:b", "q and search"),
        ("sort=date", "sort"),
        ("sort=details:1", "sort"),
        ("per_page=101", "per_page"),
        ("take=101", "take"),
        ("page=-1", "page"),
        ("from=yesterday", "from"),
    ] {
        let answer = operator.gets(&format!("logs?{question}")).await;
        let message = denied(&answer, 400, "invalid_query_string");
        assert!(message.contains(place), "{question}: {message}");
    }
}

/// W280: pages reach a thousand entries; from there on it goes by checkpoint.
#[tokio::test]
async fn pages_reach_a_thousand_entries() {
    let world = World::new().await;
    told(&world, 1_000).await;
    assert_eq!(found(&world, "page=9&per_page=100").await.len(), 100);
    assert_eq!(found(&world, "page=10&per_page=100").await.len(), 0);
    let event = LogEvent {
        id: 1_001,
        at: world.now(),
        kind: String::from("last"),
        client_id: None,
        user_id: None,
        document: json!({}),
    };
    let write = log_events::append(Write::new(), world.tenant_id(), &event);
    assert_eq!(world.app().database.run(write).await, Ok(Written::Done));
    let beyond = world.operator().gets("logs?page=10&per_page=100").await;
    let text = "You can only page through the first 1000 records.";
    assert_denied(&beyond, 400, text, Some("invalid_paging"));
    assert_eq!(found(&world, "from=1000").await, [1_001]);
}

/// W281: by checkpoint, oldest first; the other parameters do not count.
#[tokio::test]
async fn a_checkpoint_leads_through_the_whole_log() {
    let world = World::new().await;
    told(&world, 5).await;
    assert_eq!(found(&world, "from=2&take=2&q=type:none&sort=date:-1").await, [3, 4]);
    let mut path = String::from("logs?take=2");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let answer = world.operator().gets(&path).await;
        seen.extend(ids(&answer.json()));
        let link = answer.header("link");
        let (next, relation) = link.split_once(">; ").unwrap();
        assert_eq!(relation, "rel=\"next\"");
        path = next.strip_prefix(&format!("<{}", world.url("api/v2/"))).unwrap().to_owned();
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(path, "logs?from=5&take=2");
}

/// O277: an entry that another node wrote late, under a smaller id, is not passed over.
#[tokio::test]
async fn a_checkpoint_waits_until_what_came_before_it_is_written() {
    let world = World::new().await;
    let client = world.client();
    assert_eq!(client.polls("nobodys").await, "403 invalid_grant");
    assert_eq!(found(&world, "from=0").await, Vec::<i64>::new(), "an older one may still come");
    let known = found(&world, "sort=date:1").await;
    let late = LogEvent {
        id: known[0] - 1,
        at: world.now(),
        kind: String::from("gd_send_pn"),
        client_id: None,
        user_id: None,
        document: json!({}),
    };
    let write = log_events::append(Write::new(), world.tenant_id(), &late);
    assert_eq!(world.app().database.run(write).await, Ok(Written::Done));
    world.advance_ms(4_999);
    assert_eq!(found(&world, "from=0").await, Vec::<i64>::new());
    world.advance_ms(2);
    assert_eq!(found(&world, "from=0").await, [&[known[0] - 1], known.as_slice()].concat());
}

/// W282: one entry, with the members that Auth0's have.
#[tokio::test]
async fn one_entry_is_read() {
    let world = World::new().await;
    told(&world, 3).await;
    let expected = json!({
        "_id": "3",
        "log_id": "3",
        "date": world.now().plus_ms(3000).to_iso(),
        "type": "gd_send_pn",
        "description": "Entry 3 of the shop",
        "client_id": "shop",
        "client_name": "Shop",
        "hostname": "localhost:8443",
        "ip": "192.0.2.7",
        "user_id": "auth0|alice",
        "user_agent": "Mozilla/5.0 (Linux; Android 15)",
        "isMobile": true,
        "details": {"number": 3},
    });
    assert_eq!(world.operator().gets("logs/3").await.json(), expected);
    for unknown in ["logs/4", "logs/x", "logs/99999999999999999999"] {
        denied(&world.operator().gets(unknown).await, 404, "inexistent_log");
    }
    let other = world.second_tenant("other").await;
    denied(&other.operator().gets("logs/3").await, 404, "inexistent_log");
}

/// W229: the entries about one person.
#[tokio::test]
async fn the_entries_about_a_person_are_a_list() {
    let world = World::new().await;
    told(&world, 9).await;
    let path = "users/auth0%7Calice/logs";
    let list = world.operator().gets(path).await.json();
    assert_eq!(ids(&list), [9, 6, 3]);
    let page = world.operator().gets(&format!("{path}?per_page=2&include_totals=true")).await;
    assert_eq!((ids(&page.json()["logs"]), &page.json()["total"]), (vec![9, 6], &json!(3)));
    let oldest = world.operator().gets(&format!("{path}?sort=date:1&per_page=1")).await.json();
    assert_eq!(ids(&oldest), [3]);
    assert_eq!(world.operator().gets("users/nobody/logs").await.json(), json!([]));
    for (scope, status) in [("read:logs_users", 200), ("read:logs", 200), ("read:users", 403)] {
        let token = token_with(&world, scope, &[scope]).await;
        assert_eq!(bearing(&world, &token, path).await.status, status, "{scope}");
    }
    let token = token_with(&world, "no-logs", &["read:logs_users"]).await;
    for path in ["logs", "logs/3"] {
        let text = "Insufficient scope, expected any of: read:logs";
        let answer = bearing(&world, &token, path).await;
        assert_denied(&answer, 403, text, Some("insufficient_scope"));
    }
}

async fn bearing(world: &World, token: &str, path: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    world.request(Method::GET, &format!("api/v2/{path}"), &headers, "").await
}

async fn device_calls(world: &World, method: Method, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = if method == Method::PATCH { r#"{"name":"New"}"# } else { "" };
    world.request(method, &format!("appliance-mfa/api/{path}"), &headers, body).await
}

/// W289, W290: each thing that happens to a device has its type.
#[tokio::test]
async fn what_happens_to_a_device_is_told_by_type() {
    let world = World::new().await;
    let (phone, client) = (world.phone_of("alice"), world.client());
    phone.enrolls().await;
    assert_ne!(phone.enrolls_by("unknown", phone.key(), "GCM").await.status, 201);
    let body = json!({"user_id": "auth0|alice"});
    let ticket = world.operator().posts("guardian/enrollments/ticket", &body).await;
    let flow = phone.starts_flow(&ticket.member("ticket_id")).await.member("transaction_token");
    let path = "send-push-notification";
    assert_eq!(device_calls(&world, Method::POST, path, &flow).await.status, 200);

    let first = client.asks_for("alice").await;
    phone.approves(&first).await;
    let second = client.asks_for("alice").await;
    phone.denies(&second).await;
    let third = client.asks_for("alice").await;
    let push = phone.push_of(&third).await;
    let refused = phone.answers_with(&push, &json!({})).await;
    assert!(refused.status >= 400);
    let consent = format!("rich-consents/{}", push.consent_id);
    let unproven = format!("MFA-DPoP {}", push.txtkn);
    let headers = [("authorization", unproven.as_str())];
    assert!(world.request(Method::GET, &consent, &headers, "").await.status >= 400);
    phone.answers(&push, Decision::Accepted).await;

    let account = format!("device-accounts/{}", phone.device_id());
    let changed = device_calls(&world, Method::PATCH, &account, &phone.account_token()).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    world.app().courier.tray().unwrap().answer_with("push-token-0", no_such_project());
    client.starts(client.asking("alice")).await;
    world.run_worker().await;
    phone.unenrolls().await;

    for kind in [
        "gd_start_enroll",
        "gd_start_enroll_failed",
        "gd_enrollment_complete",
        "gd_start_auth",
        "gd_send_pn",
        "gd_send_pn_failure",
        "gd_auth_succeed",
        "gd_auth_rejected",
        "gd_auth_failed",
        "gd_update_device_account",
        "gd_unenroll",
        "rich_consents_access_error",
    ] {
        let list = world.operator().gets(&format!("logs?q=type:{kind}")).await.json();
        assert!(!list.as_array().unwrap().is_empty(), "{kind}");
        assert!(list[0]["description"].is_string() && list[0]["details"].is_object(), "{kind}");
    }
    let refusal = world.operator().gets("logs?q=type:rich_consents_access_error").await.json();
    let details = &refusal[0]["details"];
    assert!(details["error"]["message"].is_string());
    assert_eq!(details["requestedRichConsentId"], push.consent_id.as_str());
}

fn no_such_project() -> Receipt {
    Receipt::Refused(String::from("no such project"))
}

/// W292: a bare number, and days with what happened on them.
#[tokio::test]
async fn days_and_active_people_are_counted() {
    let world = World::new().await;
    let client = world.client();
    let operator = world.operator();
    let today = format!("{}T00:00:00.000Z", &world.now().to_iso()[..10]);
    let digits = today[..10].replace('-', "");
    for person in ["alice", "bob", "alice"] {
        client.gets_tokens(person, |form| form).await;
        world.advance_seconds(60);
    }
    let active = operator.gets("stats/active-users").await;
    assert_eq!((active.status, active.json()), (200, json!(2)));
    let days = operator.gets(&format!("stats/daily?from={digits}&to={digits}")).await.json();
    let expected = json!([{"date": today, "logins": 3, "signups": 4, "leaked_passwords": 0,
        "created_at": today, "updated_at": today}]);
    assert_eq!(days, expected);
    let month = operator.gets("stats/daily").await.json();
    assert_eq!(month.as_array().unwrap().len(), 31);
    assert_eq!((&month[30]["logins"], &month[0]["logins"]), (&json!(3), &json!(0)));
    world.advance_seconds(31 * 86_400);
    assert_eq!(operator.gets("stats/active-users").await.json(), json!(0));
    for wrong in [
        "from=2026-01-01",
        "from=20260230",
        "to=x",
        "from=20260102&to=20260101",
        "from=20240101&to=20260101",
    ] {
        let refused = operator.gets(&format!("stats/daily?{wrong}")).await;
        denied(&refused, 400, "invalid_query_string");
    }
}
