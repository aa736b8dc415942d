//! A22: no secret shows itself to whoever prints what holds it.

use std::sync::Arc;

use device_protocol::guardian::enroll::{EnrollRequest, PushCredentials, Service};
use domain::ciba::delivery::NotificationToken;
use domain::jose::{RootKey, SealingKeys, Unverified};
use domain::oauth::claims::Bound;
use domain::oauth::parameters::Parameters;
use domain::people::{Device, PushService};
use domain::{DeviceId, Fingerprint, Timestamp, UserId};
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Map, json};
use server::Secrets;
use server::config::Config;
use server::outside::{Answer, Call, CallLimits, Lane};
use testkit::{Client, ROOT_KEY, World, client_key, p256_key};

/// What stands for a secret below.
const SECRET: &str = "4711secret4711";

fn call() -> Call {
    Call {
        method: Method::POST,
        url: url::Url::parse(&format!("https://push.example/3/device/{SECRET}")).unwrap(),
        headers: vec![(
            HeaderName::from_static("authorization"),
            HeaderValue::from_static("Bearer 4711secret4711"),
        )],
        body: bytes::Bytes::from_static(SECRET.as_bytes()),
        lane: Lane { name: String::from("clients"), identity: None, is_http2: false },
        limits: CallLimits { within: std::time::Duration::from_secs(1), answer_bytes: 1 },
        is_repeatable: false,
    }
}

fn device() -> Device {
    Device {
        id: DeviceId::new("dev_1"),
        user: UserId::new("auth0|1"),
        identifier: String::from("x"),
        name: String::from("phone"),
        push_service: PushService::Gcm,
        push_token: Some(SECRET.to_owned()),
        public_jwk: String::from("{}"),
        base_url: String::from("https://t/"),
        enrolled_at: Timestamp::from_ms(1),
        last_auth_at: None,
        own: None,
    }
}

/// A22: types that hold a secret do not print it.
#[test]
fn whoever_prints_a_secret_prints_that_there_is_one() {
    let form = format!("client_secret={SECRET}&auth_req_id={SECRET}");
    let parameters = Parameters::from_form(form.as_bytes()).unwrap();
    let bound = Bound { auth_req_id: SECRET, access_token: SECRET, refresh_token: Some(SECRET) };
    let mut config = Config::default();
    SECRET.clone_into(&mut config.keys.root);
    config.database.url = format!("postgres://aizuchi:{SECRET}@db/aizuchi");
    let options = store::DatabaseOptions::parse(&config.database.url).unwrap();
    let credentials = PushCredentials { service: Service::Gcm, token: SECRET.to_owned() };
    let enrolls = EnrollRequest {
        identifier: String::from("x"),
        name: String::from("phone"),
        push_credentials: credentials.clone(),
        public_key: Map::new(),
    };
    let value = store::Value::from(SECRET);
    let answer = Answer {
        body: bytes::Bytes::from(json!({"access_token": SECRET}).to_string()),
        ..Answer::default()
    };
    let token = NotificationToken::parse(SECRET).unwrap();
    let printed = [
        format!("{parameters:?}"),
        format!("{bound:?}"),
        format!("{config:?} {config:#?}"),
        format!("{options:?}"),
        format!("{credentials:?} {enrolls:?}"),
        format!("{value:?}"),
        format!("{:?} {answer:?}", call()),
        format!("{token:?}"),
        format!("{:?}", device()),
    ];
    for text in printed {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("52, 55, 49, 49"), "as numbers: {text}");
    }
}

/// The bytes of a key as `Debug` would print them.
fn as_numbers(bytes: &[u8]) -> String {
    let all: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    all.join(", ")
}

/// A22: nor do keys, and tokens that were not verified yet.
#[test]
fn whoever_prints_a_key_prints_its_public_half() {
    let root = RootKey::new(ROOT_KEY);
    let sealing = SealingKeys::new(&ROOT_KEY, &[]).unwrap();
    let secrets = Secrets::derive(&root, &[]).unwrap();
    let shown = [format!("{root:?}"), format!("{sealing:?}"), format!("{secrets:?}")];
    for text in shown {
        assert!(text.len() < 100, "more than a name: {text}");
        assert!(!text.contains(&as_numbers(&ROOT_KEY[..4])), "{text}");
        for key in [secrets.txtkn.as_slice(), secrets.auth_req_id.as_slice()] {
            assert!(!text.contains(&as_numbers(&key[..4])), "{text}");
        }
    }
    for key in [client_key(), p256_key()] {
        let text = format!("{key:?}");
        assert!(!text.to_lowercase().contains("private") && text.len() < 200, "{text}");
    }
    let key = p256_key();
    let jwt = Client::assertion(&key, &json!({"sub": SECRET}), None);
    let unverified = Unverified::parse(&jwt, 4096).unwrap();
    let signature = jwt.rsplit('.').next().unwrap();
    let text = format!("{unverified:?}");
    assert!(!text.contains(signature) && !text.contains(SECRET), "{text}");
}

/// A22: a whole server, its configuration, caches, keys and database, printed while a request is
/// open and after it: no secret of anybody's stands in it.
#[tokio::test]
async fn whoever_prints_the_whole_server_prints_no_secret() {
    let world = World::builder().profile("ciba").start().await;
    let client = world.client();
    let ask = |form: testkit::Form| form.with("scope", "openid offline_access");
    let id = client.asks_with("alice", ask).await;
    let push = world.phone_of("alice").push_of(&id).await;
    let open = format!("{:?}", world.app());
    world.phone_of("alice").approves(&id).await;
    let tokens = client.redeems(&id).await;
    let text = open + &format!("{:?}", world.app());
    let bearer = world.operator().token().await;
    let mut secrets = vec![id, push.txtkn, bearer, client.secret().to_owned()];
    for name in ["access_token", "refresh_token", "id_token"] {
        secrets.push(tokens[name].as_str().unwrap().to_owned());
    }
    secrets.push(as_numbers(&ROOT_KEY[..4]));
    secrets.push(as_numbers(&world.app().secrets.txtkn[..4]));
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "{secret}");
    }
    assert!(text.len() > 1000, "there is something to be looked through");
}

/// A22: what a token is compared by is its hash, which tells nothing of it.
#[test]
fn a_fingerprint_is_not_what_it_was_made_from() {
    let hash = Fingerprint::of(SECRET.as_bytes());
    assert!(!format!("{hash:?}").contains(SECRET));
    assert_eq!(hash, Fingerprint::of(SECRET.as_bytes()));
    assert!(Arc::new(hash).as_bytes() != SECRET.as_bytes());
}
