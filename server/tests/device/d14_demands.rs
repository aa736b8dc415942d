//! D14: which requests demand a passkey, what tokens tell of it, and how administrators see them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::aizuchi::passkey::Confirms;
use domain::aizuchi::verify_receipt;
use domain::jose::parse_set;
use http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Form, World};

use super::d14_passkeys::{PASSKEYS, confirms, confirms_from, sends, signs, with_passkey};
use super::{Device, Said, asks, assert_refused, logged};

const DEVICE: &str = "urn:aizuchi:acr:device";
const PASSKEY: &str = "urn:aizuchi:acr:passkey";

/// Whether the newest request of a device wants a passkey.
async fn is_wanted(device: &Device<'_>) -> bool {
    let request = device.inbox().await[0].clone();
    let words = device.verified(&device.reads(&request).await);
    words["user_verification"] == "required"
}

/// O405: a client, an API or the tenant demands it; then only a device of our own dialect of a person
/// who has one is asked, and without one nobody is.
#[tokio::test]
async fn client_api_and_tenant_demand_a_passkey() {
    let world = World::builder().profile("ciba").start().await;
    let mut key = Authenticator::default();
    let device = with_passkey(&world, "alice", &mut key).await;
    let bare = Device::of(&world, "bob").await;
    let phone = world.phone_of("carol");
    phone.is_ready().await;
    let careful = world.registers("Careful", json!({ "passkey_required": true })).await;
    let api = "https://careful.example";
    world.registers_api(json!({ "identifier": api, "passkey_required": true })).await;
    let client = world.client();
    let plain = client.starts(client.asking("alice")).await;
    assert_eq!(plain.status, 200, "{}", plain.text());
    assert!(!is_wanted(&device).await);
    for (asker, change) in
        [(&careful, None), (&client, Some(("audience", api))), (&client, Some(("tenant", "")))]
    {
        world.advance_seconds(60);
        let asking = |person: &str| match change {
            Some(("audience", api)) => asker.asking(person).with("audience", api),
            Some(_) | None => asker.asking(person),
        };
        if change == Some(("tenant", "")) {
            let body = json!({ "passkey_required": true });
            assert_eq!(world.operator().patches("tenants/settings", &body).await.status, 200);
        }
        let answer = asker.starts(asking("alice")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(is_wanted(&device).await);
        for person in ["bob", "carol"] {
            let refused = asker.starts(asking(person)).await;
            assert_eq!(refused.summary(), "400 unknown_user_id", "{}", refused.text());
        }
    }
    assert!(bare.inbox().await.is_empty() && phone.pushes().await.is_empty());
}

/// O406: `acr_values` prefers a class, an essential `acr` insists on it; the ID token tells which was
/// reached, and by which methods, in refreshes too.
#[tokio::test]
async fn a_class_is_preferred_or_essential_and_told() {
    let world = World::builder().profile("ciba").start().await;
    let mut key = Authenticator::default();
    let device = with_passkey(&world, "alice", &mut key).await;
    drop(Device::of(&world, "bob").await);
    let client = world.client();
    let essential = |class: &str| {
        json!({ "id_token": { "acr": { "essential": true, "value": class } } }).to_string()
    };
    for (name, value, is_reached) in [
        ("acr_values", format!("urn:other {PASSKEY} {DEVICE}"), true),
        ("acr_values", format!("{DEVICE} {PASSKEY}"), false),
        ("claims", essential(PASSKEY), true),
        ("claims", essential(DEVICE), false),
    ] {
        world.advance_seconds(60);
        let scope = "openid offline_access";
        let ask = |form: Form| form.with(name, value.as_str()).with("scope", scope);
        let id = client.starts(ask(client.asking("alice"))).await.member("auth_req_id");
        assert_eq!(is_wanted(&device).await, is_reached, "{value}");
        let (request, decision) = signs(&device, Said::Approve).await;
        let what = Confirms::Decision(&decision);
        let passkey = if is_reached { confirms(&key, what) } else { Value::Null };
        assert_eq!(sends(&device, &request, &decision, passkey).await.status, 204);
        let tokens = client.redeems(&id).await;
        let again = client.refreshes(tokens["refresh_token"].as_str().unwrap()).await.json();
        for tokens in [tokens, again] {
            let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
            let (class, methods) = if is_reached {
                (PASSKEY, json!(["swk", "mca", "mfa", "user"]))
            } else {
                (DEVICE, json!(["swk", "mca"]))
            };
            assert_eq!((&token.claims["acr"], &token.claims["amr"]), (&json!(class), &methods));
        }
        // Who has no passkey is asked where it is a wish, and not where it is essential.
        let answer = client.starts(ask(client.asking("bob"))).await;
        let is_asked = name == "acr_values" || !is_reached;
        assert_eq!(answer.status == 200, is_asked, "{value}: {}", answer.text());
    }
    let form = client.asking("alice").with("claims", essential("urn:other"));
    assert_eq!(client.starts(form).await.summary(), "403 access_denied");
}

/// O407: administrators see and remove a person's passkeys, in the Management API and on the
/// console's page; with the person they are forgotten.
#[tokio::test]
async fn administrators_list_and_remove_passkeys() {
    let world = World::new().await;
    let device = with_passkey(&world, "alice", &mut Authenticator::numbered(1)).await;
    drop(with_passkey(&world, "alice", &mut Authenticator::numbered(2)).await);
    drop(with_passkey(&world, "alice", &mut Authenticator::numbered(3)).await);
    let operator = world.operator();
    let path = "users/auth0%7Calice/authentication-methods";
    let listed = operator.gets(path).await.json();
    let passkeys: Vec<&Value> =
        listed.as_array().unwrap().iter().filter(|one| one["type"] == "passkey").collect();
    assert_eq!((listed.as_array().unwrap().len(), passkeys.len()), (6, 3));
    assert_eq!(passkeys[0]["name"], "Key ring");
    let id = passkeys[0]["id"].as_str().unwrap().replace('|', "%7C");
    let one = format!("{path}/{id}");
    assert_eq!(operator.gets(&one).await.json(), *passkeys[0]);
    let of_bob = one.replace("alice", "bob");
    assert_eq!(operator.deletes(&of_bob).await.status, 404);
    assert_eq!(operator.deletes(&one).await.status, 204);
    assert_eq!(operator.gets(&one).await.status, 404);
    assert_eq!(operator.deletes(&one).await.status, 404);
    assert_eq!(logged(&world, "passkey_removed").await.len(), 1);

    let browser = world.browser().signed_in().await;
    let page = browser.opens("/console/users/auth0%7Calice").await;
    assert!(page.text().contains("Key ring"), "{}", page.text());
    let (_, rest) =
        page.text().split_once("/passkeys/").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let action = format!("/passkeys/{}", rest.split('"').next().unwrap());
    let page = browser.submits(&page, &action, &[]).await;
    assert!(page.text().contains("The passkey was removed."), "{}", page.text());
    let left = device.gets(PASSKEYS).await.json();
    assert_eq!(left["passkeys"].as_array().unwrap().len(), 1);

    let all = operator.deletes(path).await;
    assert_eq!((all.status, operator.gets(path).await.json()), (204, json!([])));
    drop(with_passkey(&world, "alice", &mut Authenticator::numbered(4)).await);
    assert_eq!(operator.deletes("users/auth0%7Calice").await.status, 204);
    let app = world.app();
    let user = domain::UserId::new("auth0|alice");
    let rows = store::passkeys::of_user(&app.database, world.tenant_id(), &user).await.unwrap();
    assert!(rows.is_empty());
}

/// O408, O520: passkeys answer from the tenant's own origin, and from those that it names.
#[tokio::test]
async fn further_origins_are_named_by_the_tenant() {
    let world = World::new().await;
    let mut key = Authenticator::default();
    let device = with_passkey(&world, "alice", &mut key).await;
    let operator = world.operator();
    for wrong in ["http://app.example", "https://", "https://app.example/", "app.example"] {
        let body = json!({ "passkey_origins": [wrong] });
        let refused = operator.patches("tenants/settings", &body).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let body = json!({ "passkey_required": true });
    assert_eq!(operator.patches("tenants/settings", &body).await.status, 200);
    asks(&world, "alice").await;
    let (request, decision) = signs(&device, Said::Approve).await;
    let assertion = confirms_from(&key, Confirms::Decision(&decision), "https://app.example");
    let refused = sends(&device, &request, &decision, assertion.clone()).await;
    assert_refused(&refused, 400, "passkey_invalid");
    let body = json!({ "passkey_origins": ["https://app.example"] });
    let changed = operator.patches("tenants/settings", &body).await;
    assert_eq!(changed.json()["passkey_origins"], body["passkey_origins"]);
    let answer = sends(&device, &request, &decision, assertion).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    // Its receipt holds without us.
    let txn = answer.header("location").strip_prefix(&world.issuer()).unwrap().to_owned();
    let receipt = device.gets(&txn).await.text();
    let keys = world.get(".well-known/jwks.json").await.json();
    let held = verify_receipt(&receipt, &parse_set(&keys).unwrap()).unwrap();
    assert_eq!(held.passkey.unwrap().origin, "https://app.example");
    let unused = URL_SAFE_NO_PAD.encode(key.id);
    let listed = device.calls(Method::GET, PASSKEYS, None).await.json();
    assert_eq!(listed["passkeys"][0]["id"], unused);
}
