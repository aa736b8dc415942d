//! O33 to O41: the tools of `aizuchi dev`.

use device_protocol::guardian::proof::{self, Proof};
use device_protocol::guardian::resolve::{self, Decision};
use domain::DeviceId;
use http::Method;
use testkit::{Push, World};

use super::post;

async fn gives_phone(world: &World, person: &str) {
    let user = testkit::encoded(world.user_id(person).as_str());
    assert_eq!(post(world, &format!("dev/users/{user}/phone")).await.status, 204);
}

async fn asks(world: &World) -> String {
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("auth_req_id")
}

async fn push_token_of(world: &World, person: &str) -> String {
    let device = DeviceId::new(world.phone_of(person).device_id());
    let app = world.app();
    let devices =
        store::enrollments::of_user(&app.database, world.tenant_id(), &world.user_id(person)).await;
    let device = devices.unwrap().into_iter().find(|known| known.id == device);
    device.unwrap().push_token.unwrap()
}

/// O33: the newest 20 pushes of a token, newest first; none for a token that got none.
#[tokio::test]
async fn the_tray_shows_the_newest_twenty_pushes_first() {
    let builder = World::builder().dev();
    let world =
        builder.configured(|config| config.limits.prompts_per_user_per_minute = 100).start().await;
    world.phone_of("alice").is_ready().await;
    for _ in 0..22 {
        world.advance_seconds(1);
        asks(&world).await;
    }
    let token = push_token_of(&world, "alice").await;
    let pushes = world.get(&format!("dev/tray/{token}")).await.json();
    let pushes = pushes.as_array().unwrap();
    assert_eq!(pushes.len(), 20);
    for push in pushes {
        let mut names: Vec<_> = push.as_object().unwrap().keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["payload", "sent_at", "service", "token"]);
        assert_eq!(
            (push["service"].as_str(), push["token"].as_str()),
            (Some("GCM"), Some(&*token))
        );
        assert!(push["payload"]["txlnkid"].as_str().unwrap().starts_with("cns_"));
    }
    assert_eq!(pushes[0]["sent_at"], world.now().to_iso());
    let times: Vec<_> = pushes.iter().map(|push| push["sent_at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
    let none = world.get("dev/tray/of-nobody").await;
    assert_eq!((none.status, none.text().as_str()), (200, "[]"));
}

/// O34: a virtual phone reads the consent and answers by the path of any device.
#[tokio::test]
async fn a_virtual_phone_reads_and_answers_as_any_device() {
    // With this setting an approval without reading is refused.
    let world = World::builder().dev().settings(|s| s.require_consent_read = true).start().await;
    gives_phone(&world, "alice").await;
    for (verb, outcome) in [("allow", "200"), ("deny", "400 access_denied")] {
        let id = asks(&world).await;
        let answer = post(&world, &format!("dev/ciba/{id}/{verb}")).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        assert_eq!(world.client().polls(&id).await, outcome);
    }
}

/// O35: what is missing is said where a virtual phone cannot answer.
#[tokio::test]
async fn a_request_that_no_virtual_phone_can_answer_says_why() {
    let world = World::builder().dev().start().await;
    world.phone_of("alice").is_ready().await;
    let without = asks(&world).await;
    let user = world.user_id("alice");
    for verb in ["allow", "deny"] {
        let answer = post(&world, &format!("dev/ciba/{without}/{verb}")).await;
        assert_eq!(answer.status, 409);
        let why = answer.member("error");
        assert!(why.contains(&format!("POST /dev/users/{user}/phone")), "{why}");
    }
    gives_phone(&world, "alice").await;
    let [decided, expired, redeemed] = [asks(&world).await, asks(&world).await, asks(&world).await];
    for id in [&decided, &redeemed] {
        assert_eq!(post(&world, &format!("dev/ciba/{id}/allow")).await.status, 204);
    }
    assert_eq!(world.client().polls(&redeemed).await, "200");
    let mut whys = Vec::new();
    for id in [&decided, &redeemed] {
        whys.push(post(&world, &format!("dev/ciba/{id}/deny")).await);
    }
    world.advance_seconds(301);
    whys.push(post(&world, &format!("dev/ciba/{expired}/allow")).await);
    whys.push(post(&world, "dev/ciba/unknown/allow").await);
    for answer in whys {
        assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text());
        assert!(answer.member("error").len() > 10, "{}", answer.text());
    }
}

/// The statuses of reading and approving a push with addresses below `base`.
async fn answered_under(world: &World, base: &str, push: &Push) -> (u16, u16) {
    let phone = world.phone_of("alice");
    let key = phone.key();
    let algorithm = key.public().key_type().default_algorithm();
    let path = format!("rich-consents/{}", push.consent_id);
    let claims = Proof {
        url: &format!("{base}{path}"),
        txtkn: &push.txtkn,
        jti: &format!("jti of {base}"),
        issued_at: world.now().seconds(),
    };
    let header = proof::header(algorithm.name(), &key.public().to_jwk(None, Some(algorithm)));
    let claims = claims.claims().to_string();
    let proof = key.sign_compact(algorithm, &header.to_string(), &claims).unwrap();
    let authorization = format!("MFA-DPoP {}", push.txtkn);
    let headers = [("authorization", authorization.as_str()), ("mfa-dpop", &proof)];
    let read = world.request(Method::GET, &path, &headers, "").await;
    let identifier = phone.identifier();
    let claims = resolve::Answer {
        identifier: &identifier,
        challenge: &push.challenge,
        url: &format!("{base}appliance-mfa/api/resolve-transaction"),
        issued_at: world.now().seconds(),
        decision: Decision::Accepted,
    };
    let answered = phone.answers_with(push, &claims.claims()).await;
    (read.status, answered.status)
}

/// O41: a device may name either listener's address, in `dev` only.
#[tokio::test]
async fn a_device_may_name_either_listener() {
    const PLAIN: &str = "http://localhost:8080/";
    for (is_dev, base, accepted) in [
        (true, "https://login.example.com/", true),
        (true, PLAIN, true),
        (true, "http://localhost:8081/", false),
        (false, PLAIN, false),
    ] {
        let builder = World::builder();
        let world = if is_dev { builder.dev() } else { builder }.start().await;
        world.phone_of("alice").is_ready().await;
        let id = asks(&world).await;
        let push = world.phone_of("alice").pushes().await.remove(0);
        let (read, answered) = answered_under(&world, base, &push).await;
        assert_eq!(
            (read == 200, answered == 204),
            (accepted, accepted),
            "{base} {read} {answered}"
        );
        let polled = world.client().polls(&id).await;
        assert_eq!(polled == "200", accepted, "{base} {polled}");
    }
}

/// N66: `serve` answers none of the development tools' paths.
#[tokio::test]
async fn a_server_in_earnest_has_no_development_tools() {
    let world = World::new().await;
    let id = world.client().asks_for("alice").await;
    let token = push_token_of(&world, "alice").await;
    for (method, path) in [
        (Method::POST, format!("dev/ciba/{id}/allow")),
        (Method::POST, format!("dev/ciba/{id}/deny")),
        (Method::GET, format!("dev/tray/{token}")),
        (Method::POST, String::from("dev/users/auth0%7Calice/phone")),
        (Method::POST, String::from("dev/clock/advance")),
        (Method::GET, String::from("dev")),
        (Method::GET, String::from("dev/")),
    ] {
        let answer = world.request(method, &path, &[], "").await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
}
