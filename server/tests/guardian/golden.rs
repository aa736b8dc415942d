//! G101: the recorded calls of Guardian.Android, replayed under their clock and address with what
//! they name seeded; and the same calls with one thing changed.

use axum::body::Body;
use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::delivery::Mode;
use domain::ciba::request::{Asked, Beyond};
use domain::ciba::transaction::{Begun, Names};
use domain::jose::PublicKey;
use domain::oauth::client::Channel;
use domain::oauth::scope::Scope;
use domain::people::{Device, PushService, TX_LIFETIME_S, Ticket, TicketKind};
use domain::{ConsentId, DeviceId, Fingerprint, Timestamp, TransactionId, UserId};
use http::Request;
use serde_json::Value;
use server::flows::transaction_token;
use store::{Write, Written, clients, enrollments, tickets, transactions};
use testkit::{Answer, World, device_key, p256_key, vectors};

/// The recordings, and where they are replayed.
struct Stage {
    file: Value,
    /// Added to the clock of each run.
    seconds: i64,
    /// In place of the recorded address.
    elsewhere: Option<&'static str>,
    /// The key that the devices are seeded with.
    key: PublicKey,
    /// Two recorded texts that change places in requests.
    swapped: Option<(String, String)>,
}

impl Stage {
    fn new() -> Self {
        let key = device_key().public().clone();
        Self { file: vectors::guardian_android(), seconds: 0, elsewhere: None, key, swapped: None }
    }

    fn cases(&self) -> Vec<Value> {
        let cases = self.file["cases"].as_array().unwrap().iter();
        cases.filter(|case| !case["request"].is_null()).cloned().collect()
    }

    fn run_of(&self, case: &Value) -> Value {
        let runs = self.file["runs"].as_array().unwrap();
        runs.iter().find(|run| run["name"] == case["run"]).unwrap().clone()
    }

    /// The latest moment at which a token of the run was made.
    fn clock_of(&self, case: &Value) -> Timestamp {
        let cases = self.file["cases"].as_array().unwrap().iter();
        let of_run = cases.filter(|other| other["run"] == case["run"]);
        let made = of_run.flat_map(|other| other["jwts"].as_array().unwrap());
        let latest = made.map(|jwt| jwt["made_at"].as_i64().unwrap()).max().unwrap();
        Timestamp::from_ms(0).plus_seconds(latest + self.seconds)
    }

    /// Replays a case in a World of its own.
    async fn replay(&self, case: &Value) -> Answer {
        let run = self.run_of(case);
        let address = if case["run"] == "defaultport" {
            "https://localhost/"
        } else {
            "https://localhost:8443/"
        };
        let house = World::builder()
            .public_url(self.elsewhere.unwrap_or(address))
            .starting_at(self.clock_of(case))
            .start()
            .await;
        let acme;
        let world = if case["run"] == "prefix" {
            acme = house.second_tenant("acme").await;
            &acme
        } else {
            &house
        };
        world.adds_user("u1").await;
        self.seed(world, &run, case).await;
        world.send(self.request(&case["request"])).await
    }

    fn request(&self, recorded: &Value) -> Request<Body> {
        let text = |value: &Value| self.changed(value.as_str().unwrap_or_default());
        let mut request = Request::builder()
            .method(recorded["method"].as_str().unwrap())
            .uri(text(&recorded["path"]));
        for header in recorded["headers"].as_array().unwrap() {
            let name = header[0].as_str().unwrap();
            if !name.eq_ignore_ascii_case("content-length") {
                request = request.header(name, text(&header[1]));
            }
        }
        request.body(Body::from(text(&recorded["body"]))).unwrap()
    }

    fn changed(&self, text: &str) -> String {
        match &self.swapped {
            Some((from, to)) => text.replace(from.as_str(), to),
            None => text.to_owned(),
        }
    }

    async fn seed(&self, world: &World, run: &Value, case: &Value) {
        let is_enrolling = case["operation"] == "enroll";
        for enrollment in run["enrollments"].as_array().unwrap() {
            if is_enrolling {
                seed_ticket(world, enrollment).await;
            } else {
                self.seed_device(world, enrollment).await;
            }
        }
        if !is_enrolling {
            for (number, transaction) in (0..).zip(run["transactions"].as_array().unwrap()) {
                seed_transaction(world, number, transaction).await;
            }
        }
    }

    async fn seed_device(&self, world: &World, enrollment: &Value) {
        let device = Device {
            id: DeviceId::new(enrollment["id"].as_str().unwrap()),
            user: UserId::new(enrollment["user_id"].as_str().unwrap()),
            identifier: enrollment["device_identifier"].as_str().unwrap().to_owned(),
            name: "Recorded".to_owned(),
            push_service: PushService::Gcm,
            push_token: Some("recorded".to_owned()),
            public_jwk: self.key.canonical_json().to_owned(),
            base_url: world.issuer(),
            enrolled_at: world.now(),
            last_auth_at: None,
            own: None,
        };
        let token = Fingerprint::of(enrollment["device_token"].as_str().unwrap().as_bytes());
        run(world, enrollments::insert(world.tenant_id(), &device, token)).await;
    }
}

async fn seed_ticket(world: &World, enrollment: &Value) {
    let ticket = Ticket {
        fingerprint: Fingerprint::of(enrollment["ticket"].as_str().unwrap().as_bytes()),
        kind: TicketKind::Tx {
            parent: None,
            enrollment: DeviceId::new(enrollment["id"].as_str().unwrap()),
        },
        user: UserId::new(enrollment["user_id"].as_str().unwrap()),
        allow_multiple: true,
        replaces: None,
        is_of_device: false,
        created_at: world.now(),
        expires_at: world.now().plus_seconds(TX_LIFETIME_S),
        used_at: None,
    };
    run(world, tickets::insert(world.tenant_id(), &ticket)).await;
}

async fn seed_transaction(world: &World, number: u8, recorded: &Value) {
    let text = |name: &str| recorded[name].as_str().unwrap();
    let names = Names {
        auth_req_hash: Fingerprint::of(text("txtkn").as_bytes()),
        txn: TransactionId::new([number; 16]),
        name_version: 1,
        consent_id: ConsentId::new(text("consent_id")),
    };
    let asked = Asked {
        user_id: UserId::new("auth0|u1"),
        issuer: world.issuer(),
        audience: None,
        beyond: Beyond::default(),
        scope: Scope::of(["openid"]),
        binding_message: Some("21-49-38".to_owned()),
        details: None,
        acr: None,
        request_context: None,
        expires_in_s: 300,
        channel: Channel::GuardianPush,
        delivery: Mode::Poll,
    };
    let challenge = Challenge {
        device: DeviceId::new(text("enrollment_id")),
        txtkn: transaction_token::fingerprint(text("txtkn")),
        challenge: text("challenge").to_owned(),
        service: PushService::Gcm,
        receipt: Receipt::Sent { at: world.now() },
        attempts: Vec::new(),
    };
    let app = world.app();
    let bank = domain::ClientId::new(world.client().id());
    let client = clients::one(&app.database, world.tenant_id(), &bank).await.unwrap().unwrap();
    let begun = Begun::new(names, bank, asked, vec![challenge], 5, world.now());
    run(world, transactions::begin(world.tenant_id(), &begun, client.updated_at, None)).await;
}

async fn run(world: &World, write: Write) {
    assert_eq!(world.app().database.run(write).await.unwrap(), Written::Done);
}

/// Whether the call carries a token that its device signed.
fn is_signed(case: &Value) -> bool {
    !case["jwts"].as_array().unwrap().is_empty()
}

/// Replays every case that `changes` says something about, and finds each refused.
async fn assert_refused(stage: &mut Stage, changes: impl Fn(&Value) -> Option<(String, String)>) {
    let mut count = 0;
    for case in stage.cases() {
        let Some(swapped) = changes(&case) else { continue };
        stage.swapped = (!swapped.0.is_empty()).then_some(swapped);
        let answer = stage.replay(&case).await;
        let id = case["id"].as_str().unwrap();
        assert!((400..500).contains(&answer.status), "{id}: {} {}", answer.status, answer.text());
        assert!(answer.json()["errorCode"].is_string());
        count += 1;
    }
    assert!(count > 0, "nothing was replayed");
}

/// No text of the request is changed.
fn as_it_is(case: &Value) -> Option<(String, String)> {
    is_signed(case).then(|| (String::new(), String::new()))
}

/// G1, G101: every recorded call, of all five kinds, gets a status that the SDK takes as success.
#[tokio::test]
async fn every_recorded_call_is_taken() {
    let stage = Stage::new();
    let cases = stage.cases();
    assert_eq!(cases.len(), 35);
    for case in &cases {
        let answer = stage.replay(case).await;
        let id = case["id"].as_str().unwrap();
        let expected = case["expect_status"].as_array().unwrap();
        let text = answer.text();
        assert!(expected.contains(&answer.status.into()), "{id}: {} {text}", answer.status);
    }
}

/// G101: with another key of the device.
#[tokio::test]
async fn no_recorded_signature_is_another_keys() {
    let mut stage = Stage { key: p256_key().public().clone(), ..Stage::new() };
    assert_refused(&mut stage, as_it_is).await;
}

/// G101: at another time.
#[tokio::test]
async fn no_recorded_call_is_good_long_after_or_before() {
    for seconds in [7200 + 61 + 60, -400] {
        let mut stage = Stage { seconds, ..Stage::new() };
        assert_refused(&mut stage, as_it_is).await;
    }
}

/// G101: at another address, which `aud` and `htu` do not name.
#[tokio::test]
async fn no_recorded_call_is_good_at_another_address() {
    let mut stage = Stage { elsewhere: Some("https://other.example/"), ..Stage::new() };
    assert_refused(&mut stage, as_it_is).await;
}

/// G101: with another transaction's token, so that challenge or `ath` is another's.
#[tokio::test]
async fn no_recorded_answer_or_proof_fits_another_request() {
    let mut stage = Stage::new();
    let runs = stage.file["runs"].clone();
    assert_refused(&mut stage, |case| {
        let credential = case["request"]["credential"]["value"].as_str().unwrap().to_owned();
        let run = runs.as_array().unwrap().iter().find(|run| run["name"] == case["run"]).unwrap();
        let all = run["transactions"].as_array().unwrap();
        all.iter().find(|known| known["txtkn"] == credential.as_str())?;
        let other = all.iter().find(|known| known["txtkn"] != credential.as_str())?;
        Some((credential, other["txtkn"].as_str().unwrap().to_owned()))
    })
    .await;
}

/// G101: with another id in the path.
#[tokio::test]
async fn no_recorded_call_fits_another_path() {
    let mut stage = Stage::new();
    assert_refused(&mut stage, |case| {
        let path = case["request"]["path"].as_str().unwrap();
        let id = path.rsplit('/').next().unwrap();
        match case["operation"].as_str().unwrap() {
            "update_device" | "delete_device" => {
                Some((format!("/{id}"), "/dev_GoldBareAndroidA".to_owned()))
            }
            "fetch_consent" => Some((format!("/{id}"), format!("/{}", id.replace("0001", "0002")))),
            _ => None,
        }
    })
    .await;
}

/// G101: with another ticket.
#[tokio::test]
async fn no_recorded_enrollment_works_with_another_ticket() {
    let mut stage = Stage::new();
    assert_refused(&mut stage, |case| {
        (case["operation"] == "enroll")
            .then(|| ("Gold3nTicket".to_owned(), "Unkn0wnTick".to_owned()))
    })
    .await;
}
