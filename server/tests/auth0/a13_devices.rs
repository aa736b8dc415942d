//! W223 to W228 and W246 to W254: devices, tickets and factors.

use device_protocol::guardian::resolve::Decision;
use domain::people::{Device, PushService};
use domain::{DeviceId, Fingerprint};
use http::Method;
use serde_json::{Value, json};
use testkit::World;

use super::a11_management::{assert_denied, denied, token_with};

/// A device of a person, as if it had enrolled.
async fn enrolled(world: &World, id: &str, person: &str) {
    let device = Device {
        id: DeviceId::new(id),
        user: world.user_id(person),
        identifier: format!("identifier of {id}"),
        name: format!("{person}'s phone"),
        push_service: PushService::Gcm,
        push_token: Some(String::from("token")),
        public_jwk: String::from("{}"),
        base_url: world.url("appliance-mfa"),
        enrolled_at: world.now(),
        last_auth_at: None,
        own: None,
    };
    let token = Fingerprint::of(id.as_bytes());
    let write = store::enrollments::insert(world.tenant_id(), &device, token);
    assert_eq!(world.app().database.run(write).await, Ok(store::Written::Done));
}

async fn devices(world: &World, person: &str) -> Vec<String> {
    let path = format!("users/auth0%7C{person}/enrollments");
    let list = world.operator().gets(&path).await.json();
    let list = list.as_array().unwrap().iter();
    list.map(|device| device["id"].as_str().unwrap().to_owned()).collect()
}

/// W223, W224: the devices of a user in both lists.
#[tokio::test]
async fn the_devices_of_a_user_are_listed() {
    let world = World::new().await;
    let operator = world.operator();
    enrolled(&world, "dev_0000000000000001", "alice").await;
    let list = operator.gets("users/auth0%7Calice/enrollments").await.json();
    let expected = json!([{
        "id": "dev_0000000000000001",
        "status": "confirmed",
        "type": "push",
        "name": "alice's phone",
        "identifier": "identifier of dev_0000000000000001",
        "phone_number": null,
        "auth_method": "guardian",
        "enrolled_at": world.now().to_iso(),
        "last_auth": null,
        "reachable": true,
    }]);
    assert_eq!(list, expected);
    let path = "users/auth0%7Calice/authentication-methods?include_totals=true";
    let methods = operator.gets(path).await.json();
    assert_eq!(
        (&methods["start"], &methods["limit"], &methods["total"]),
        (&json!(0), &json!(50), &json!(1))
    );
    let method = &methods["authenticators"][0];
    assert_eq!(
        (&method["id"], &method["type"]),
        (&json!("push|dev_0000000000000001"), &json!("push"))
    );
    assert_eq!(method["confirmed"], true);
    for path in ["users/x/enrollments", "users/x/authentication-methods"] {
        denied(&operator.gets(path).await, 404, "inexistent_user");
    }
}

/// W225: a device enrolls itself.
#[tokio::test]
async fn an_administrator_cannot_enroll_a_push_device() {
    let world = World::new().await;
    for body in [json!({"type": "push"}), json!({"type": "totp"}), json!({})] {
        let path = "users/auth0%7Calice/authentication-methods";
        denied(&world.operator().posts(path, &body).await, 400, "invalid_body");
    }
}

/// W226: deleting one method, or all of them.
#[tokio::test]
async fn authentication_methods_are_deleted_one_by_one_or_together() {
    let world = World::new().await;
    let operator = world.operator();
    for (id, person) in [("dev_1", "alice"), ("dev_2", "alice"), ("dev_3", "bob")] {
        enrolled(&world, id, person).await;
    }
    let methods = "users/auth0%7Calice/authentication-methods";
    let foreign = operator.deletes(&format!("{methods}/push%7Cdev_3")).await;
    denied(&foreign, 404, "enrollment_not_found");
    assert_eq!(operator.deletes(&format!("{methods}/push%7Cdev_1")).await.status, 204);
    assert_eq!(devices(&world, "alice").await, ["dev_2"]);
    assert_eq!(operator.deletes(methods).await.status, 204);
    assert_eq!(devices(&world, "alice").await, Vec::<String>::new());
    assert_eq!(devices(&world, "bob").await, ["dev_3"]);
}

/// W227, W228: all devices of a user at once.
#[tokio::test]
async fn all_devices_of_a_user_are_deleted() {
    let world = World::new().await;
    let operator = world.operator();
    for (path, left) in [
        ("users/auth0%7Calice/multifactor/duo", 1),
        ("users/auth0%7Calice/multifactor/guardian", 0),
        ("users/auth0%7Calice/authenticators", 0),
    ] {
        if devices(&world, "alice").await.is_empty() {
            enrolled(&world, "dev_1", "alice").await;
        }
        assert_eq!(operator.deletes(path).await.status, 204, "{path}");
        assert_eq!(devices(&world, "alice").await.len(), left, "{path}");
    }
    let unknown = operator.deletes("users/auth0%7Calice/multifactor/smoke").await;
    denied(&unknown, 400, "invalid_uri");
    denied(&operator.deletes("users/x/authenticators").await, 404, "inexistent_user");
}

/// W207, W246: a ticket.
#[tokio::test]
async fn a_ticket_has_32_characters_and_a_page() {
    let world = World::new().await;
    let body = json!({"user_id": "auth0|alice", "send_mail": false, "email_locale": "ja"});
    let answer = world.operator().posts("guardian/enrollments/ticket", &body).await;
    let id = answer.member("ticket_id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    let url = world.url(&format!("mfa/enrollment?ticket={id}"));
    assert_eq!((answer.status, answer.json()), (200, json!({"ticket_id": id, "ticket_url": url})));
}

/// W247, W248, W249: what a ticket may ask for.
#[tokio::test]
async fn a_ticket_names_a_user_and_a_factor_of_this_server() {
    let world = World::new().await;
    let operator = world.operator();
    let ask = async |more: Value| {
        let mut body = json!({"user_id": "auth0|alice"}).as_object().unwrap().clone();
        body.extend(more.as_object().unwrap().clone());
        operator.posts("guardian/enrollments/ticket", &Value::Object(body)).await
    };
    for good in [
        json!({"factor": "push-notification"}),
        json!({"factor": "oob"}),
        json!({"send_email": "false", "allow_multiple_enrollments": "true"}),
    ] {
        assert_eq!(ask(good).await.status, 200);
    }
    for bad in [
        json!({"factor": "smoke"}),
        json!({"factor": "otp"}),
        json!({"factor": 1}),
        json!({"user_id": null}),
        json!({"user_id": 7}),
        json!({"send_mail": "perhaps"}),
    ] {
        denied(&ask(bad).await, 400, "invalid_body");
    }
    for mailed in [json!({"send_mail": true}), json!({"send_email": "true"})] {
        let message = "There is not a configured email provider";
        assert_denied(&ask(mailed).await, 400, message, Some("inexistent_email_provider"));
    }
    let nobody = ask(json!({"user_id": "auth0|nobody"})).await;
    assert_denied(&nobody, 404, "The user does not exist.", Some("inexistent_user"));
}

/// W251, W252: one enrollment.
#[tokio::test]
async fn an_enrollment_is_read_and_deleted() {
    let world = World::new().await;
    let operator = world.operator();
    enrolled(&world, "dev_0000000000000001", "alice").await;
    let path = "guardian/enrollments/dev_0000000000000001";
    let expected = json!({
        "id": "dev_0000000000000001",
        "status": "confirmed",
        "name": "alice's phone",
        "identifier": "identifier of dev_0000000000000001",
        "phone_number": null,
        "enrolled_at": world.now().to_iso(),
        "last_auth": null,
    });
    let read = operator.gets(path).await;
    assert_eq!((read.status, read.json()), (200, expected));
    assert_eq!(operator.deletes(path).await.status, 204);
    for answer in [operator.gets(path).await, operator.deletes(path).await] {
        assert_denied(&answer, 404, "Enrollment not found", Some("enrollment_not_found"));
    }
    let (app, alice) = (world.app(), world.user_id("alice"));
    let page = store::log_events::LogPage { offset: 0, limit: 10, newest_first: true };
    let log = store::log_events::list_of_user(&app.database, world.tenant_id(), &alice, page);
    let log = log.await.unwrap();
    assert_eq!((log.len(), log[0].kind.as_str()), (1, "gd_unenroll"));
}

/// W252: a device that was deleted gets no more pushes, and its key opens nothing.
#[tokio::test]
async fn a_deleted_device_is_neither_asked_nor_heard() {
    let world = World::new().await;
    let bank = world.client();
    let asked = bank.asks_for("alice").await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&asked).await;
    let list = world.operator().gets("users/auth0%7Calice/enrollments").await.json();
    assert_eq!(
        (&list[0]["status"], &list[0]["auth_method"]),
        (&json!("confirmed"), &json!("guardian"))
    );
    let path = format!("guardian/enrollments/{}", list[0]["id"].as_str().unwrap());
    assert_eq!(world.operator().deletes(&path).await.status, 204);
    let answer = phone.answers(&push, Decision::Accepted).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert_eq!(bank.polls(&asked).await, "400 authorization_pending");
    let again = bank.starts(bank.asking("alice")).await;
    assert_eq!(again.summary(), "400 invalid_request");
}

/// W254: without the push factor nobody is asked.
#[tokio::test]
async fn nobody_is_asked_while_the_push_factor_is_off() {
    let world = World::new().await;
    let bank = world.client();
    bank.asks_for("alice").await;
    let body = json!({"enabled": false});
    let path = "guardian/factors/push-notification";
    let answer = world.operator().request(Method::PUT, path, &body).await;
    assert_eq!((answer.status, answer.json()), (200, body));
    let refused = bank.starts(bank.asking("alice")).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

/// W261: the tenant's own app, as the enrollment page names it.
#[tokio::test]
async fn the_enrollment_page_names_the_tenants_own_app() {
    let world = World::new().await;
    let (operator, path) = (world.operator(), "prompts/mfa-push");
    assert_eq!(operator.gets(path).await.json(), json!({}));
    let app = json!({
        "app_name": "Example <Pay>",
        "apple_app_link": "https://apps.apple.com/app/id1",
        "google_app_link": "https://play.google.com/store/apps/details?id=a&hl=en",
    });
    let changed = operator.patches(path, &app).await;
    assert_eq!((changed.status, changed.json()), (200, app.clone()));
    assert_eq!(operator.gets(path).await.json(), app);
    let page = async || {
        let body = json!({"user_id": "auth0|alice"});
        let ticket = operator.posts("guardian/enrollments/ticket", &body).await;
        let form = testkit::Form::new().with("ticket", ticket.member("ticket_id")).encode();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        world.request(Method::POST, "mfa/enrollment", &headers, form).await.text()
    };
    let shown = page().await;
    assert!(shown.contains("Use the app") && shown.contains("Example &#60;Pay&#62;"), "{shown}");
    assert!(shown.contains("<a href=\"https://apps.apple.com/app/id1\">"), "{shown}");
    assert!(shown.contains("details?id=a&#38;hl=en\">App for Android"), "{shown}");
    let wrong = operator.patches(path, &json!({"apple_app_link": "javascript:alert(1)"})).await;
    assert_eq!((wrong.status, wrong.member("errorCode").as_str()), (400, "invalid_body"));
    let less = json!({"app_name": null, "google_app_link": null});
    let left = operator.patches(path, &less).await.json();
    assert_eq!(left, json!({"apple_app_link": "https://apps.apple.com/app/id1"}));
    let shown = page().await;
    assert!(shown.contains("Use an authenticator app") && !shown.contains("App for Android"));
    for (method, scope) in [(Method::GET, "update:prompts"), (Method::PATCH, "read:prompts")] {
        let token = token_with(&world, scope, &[scope]).await;
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let answer = world.request(method, &format!("api/v2/{path}"), &headers, "{}").await;
        assert_eq!(
            (answer.status, answer.member("errorCode").as_str()),
            (403, "insufficient_scope")
        );
    }
}

/// W253: the factors in their order.
#[tokio::test]
async fn factors_are_listed_in_auth0s_order() {
    let world = World::new().await;
    let factors = world.operator().gets("guardian/factors").await.json();
    let names: Vec<_> =
        factors.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    let expected = [
        "sms",
        "push-notification",
        "otp",
        "email",
        "duo",
        "webauthn-roaming",
        "webauthn-platform",
        "recovery-code",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        factors[1],
        json!({"name": "push-notification", "enabled": true, "trial_expired": false})
    );
    assert_eq!(factors[0]["enabled"], false);
}

#[tokio::test]
async fn the_push_factor_is_switched_and_no_other() {
    let world = World::new().await;
    let operator = world.operator();
    let path = "guardian/factors/push-notification";
    for is_on in [false, true, false] {
        let body = json!({"enabled": is_on});
        let answer = operator.request(Method::PUT, path, &body).await;
        assert_eq!((answer.status, answer.json()), (200, body));
        let factors = operator.gets("guardian/factors").await.json();
        assert_eq!(factors[1]["enabled"], is_on);
    }
    let sms =
        operator.request(Method::PUT, "guardian/factors/sms", &json!({"enabled": true})).await;
    denied(&sms, 400, "invalid_body");
    let smoke =
        operator.request(Method::PUT, "guardian/factors/smoke", &json!({"enabled": true})).await;
    denied(&smoke, 400, "invalid_uri");
    let empty = operator.request(Method::PUT, path, &json!({})).await;
    denied(&empty, 400, "invalid_body");
}

/// W250: a ticket works once, and for five days.
#[tokio::test]
async fn a_ticket_works_once_and_for_five_days() {
    let world = World::new().await;
    let operator = world.operator();
    let ticket = async |person: &str| {
        let body = json!({"user_id": world.user_id(person).as_str(), "send_mail": false});
        operator.posts("guardian/enrollments/ticket", &body).await.member("ticket_id")
    };
    let (first, second) = (ticket("alice").await, ticket("bob").await);
    world.advance_ms(5 * 86_400_000 - 1);
    let phone = world.phone_of("alice");
    let code = phone.starts_flow(&first).await.member("enrollment_tx_id");
    assert_eq!(phone.enrolls_by(&code, testkit::p256_key(), "GCM").await.status, 201);
    world.advance_ms(1);
    for dead in [&first, &second] {
        let answer = phone.starts_flow(dead).await;
        assert_eq!(answer.summary(), "404 enrollment_transaction_not_found");
    }
}
