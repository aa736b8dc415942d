//! The recorded requests of Auth0's SDKs, replayed with the clock at their time. Everything they
//! name is seeded: the client, its key, the user, the device, the request that is polled and the
//! token that is refreshed. Only the Management bearer is swapped for one of ours (decision 29).

use axum::body::Body;
use domain::ciba::transaction::{Answer as Decision, Answered, Begun, Names};
use domain::jose::auth_req_hash;
use domain::people::{Device, PushService};
use domain::{ClientId, ConsentId, DeviceId, Fingerprint, Timestamp, TransactionId};
use http::Request;
use serde_json::{Value, json};
use store::{Write, Written};
use testkit::{World, p256_key, vectors};

const CLIENT: &str = "goldenClientId0123456789abcdefgh";
const DEVICE: &str = "dev_GoldMainAndroidA";

/// One recorded case in a World in which everything exists that it names.
struct Replay<'v> {
    world: World,
    values: &'v Value,
    case: &'v Value,
    /// The request that polls name, once one does.
    polled: Option<Begun>,
}

#[expect(clippy::cast_possible_truncation, reason = "a recorded time")]
fn time_of(request: &Value) -> Timestamp {
    let received = (request["received_at"].as_f64().unwrap() * 1000.0) as i64;
    let made_at = request["assertions"][0]["made_at"].as_i64();
    Timestamp::from_ms(made_at.map_or(received, |seconds| seconds * 1000))
}

impl<'v> Replay<'v> {
    async fn of(vectors: &'v Value, case: &'v Value) -> Self {
        let world = World::builder()
            .public_url("https://localhost:8443/")
            .starting_at(time_of(&case["requests"][0]))
            .start()
            .await;
        let replay = Self { world, values: &vectors["values"], case, polled: None };
        replay.seed_client(&vectors["client_assertion_key"]["public_jwk"]).await;
        let audience = replay.world.url("api/v2/");
        let scopes = server::flows::MANAGEMENT_SCOPES;
        replay.world.grants(CLIENT, &audience, "client", scopes).await;
        replay.world.adds_user("u1").await;
        replay.seed_device().await;
        replay.seed_refresh_token().await;
        replay
    }

    async fn done(&self, write: Write) {
        let written = self.world.app().database.run(write).await;
        assert_eq!(written.unwrap(), Written::Done, "{}", self.case["id"]);
    }

    async fn seed_client(&self, key: &Value) {
        let by_key = self.case["auth_variant"] == "private_key_jwt";
        let method = if by_key { "private_key_jwt" } else { "client_secret_post" };
        self.world.registers(CLIENT, json!({"token_endpoint_auth_method": method})).await;
        let (tenant, id) = (self.world.tenant_id(), ClientId::new(CLIENT));
        if by_key {
            let (name, now) = (format!("cred_{CLIENT}"), self.world.now());
            self.done(store::client_credentials::delete(tenant, &id, &name)).await;
            let credential = store::client_credentials::CredentialRow {
                id: name,
                client_id: id,
                document: json!({"alg": "RS256", "public_jwk": key}).to_string(),
                created_at: now,
                updated_at: now,
                expires_at: None,
            };
            self.done(store::client_credentials::insert(tenant, &credential, 2)).await;
        } else {
            let is_special = self.case["name"] == "start_secret_special_chars";
            let name = if is_special {
                "client_secret_of_the_special_character_cases"
            } else {
                "client_secret"
            };
            let hash = Fingerprint::of(self.values[name].as_str().unwrap().as_bytes());
            let change = store::clients::change_secret(tenant, &id, hash, self.world.now());
            self.done(change).await;
        }
    }

    async fn seed_device(&self) {
        let device = Device {
            id: DeviceId::new(DEVICE),
            user: self.world.user_id("u1"),
            identifier: String::from("a1b2c3d4e5f60718"),
            name: String::from("Pixel"),
            push_service: PushService::Gcm,
            push_token: Some(String::from("golden-push-token")),
            public_jwk: p256_key().public().canonical_json().to_owned(),
            base_url: self.world.issuer().trim_end_matches('/').to_owned(),
            enrolled_at: self.world.now(),
            last_auth_at: None,
            own: None,
        };
        let token = Fingerprint::of(b"nobody's");
        self.done(store::enrollments::insert(self.world.tenant_id(), &device, token)).await;
    }

    async fn seed_refresh_token(&self) {
        let now = self.world.now();
        let token = self.values["refresh_token"].as_str().unwrap();
        let granted = json!({"scope": "openid offline_access", "auth_time": now.ms()});
        let row = store::refresh_tokens::RefreshTokenRow {
            hash: Fingerprint::of(token.as_bytes()),
            id: String::from("golden"),
            family: String::from("golden"),
            client_id: ClientId::new(CLIENT),
            user_id: self.world.user_id("u1"),
            grant: granted.to_string(),
            created_at: now,
            last_used_at: None,
            idle_expires_at: None,
            expires_at: None,
            rotated_at: None,
            is_revoked: false,
            metadata: None,
        };
        self.done(store::refresh_tokens::insert(self.world.tenant_id(), &row)).await;
    }

    /// Begins the request that the recording polls: a real one of another client, under the
    /// recorded name and client.
    async fn seed_polled(&mut self) {
        let (world, bank) = (&self.world, self.world.client());
        let id = {
            let answer = bank.starts(bank.asking("u1").with("scope", "openid profile")).await;
            answer.member("auth_req_id")
        };
        let (tenant, database) = (world.tenant_id(), world.app().database.clone());
        let hash = auth_req_hash(&id);
        let found = store::transactions::find(&database, tenant, &hash).await.unwrap().unwrap();
        let mut facts = found.at(world.now()).facts().clone();
        for challenge in &mut facts.challenges {
            challenge.txtkn = Fingerprint::of(b"golden");
        }
        let names = Names {
            auth_req_hash: auth_req_hash(self.values["auth_req_id"].as_str().unwrap()),
            txn: TransactionId::new([7; 16]),
            name_version: facts.name_version,
            consent_id: ConsentId::new("cns_goldenGoldenGoldenGold"),
        };
        let id = ClientId::new(CLIENT);
        let client = store::clients::one(&database, tenant, &id).await.unwrap().unwrap();
        let begun = Begun::new(names, id, facts.asked, facts.challenges, 5, world.now());
        self.done(store::transactions::begin(tenant, &begun, client.updated_at, None)).await;
        self.polled = Some(begun);
    }

    async fn approve(&self) {
        let (begun, now) = (self.polled.clone().unwrap(), self.world.now());
        let pending = begun.into_stored().at(now);
        let answered = pending.answer(&DeviceId::new(DEVICE), Decision::Approve, now);
        let Answered::Approved(approved) = answered else { unreachable!() };
        self.done(store::transactions::approve(self.world.tenant_id(), &approved)).await;
    }

    async fn send(&self, request: &Value) -> testkit::Answer {
        let method = request["method"].as_str().unwrap();
        let mut replay = Request::builder().method(method).uri(request["target"].as_str().unwrap());
        for header in request["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            if name.eq_ignore_ascii_case("authorization") && value.starts_with("Bearer ") {
                let ours = format!("Bearer {}", self.world.operator().token().await);
                replay = replay.header(name, ours);
            } else if !name.eq_ignore_ascii_case("content-length") {
                replay = replay.header(name, value);
            }
        }
        let body = request["body"].as_str().unwrap_or_default().to_owned();
        self.world.send(replay.body(Body::from(body)).unwrap()).await
    }

    /// Replays the case; how many requests were sent.
    async fn run(mut self) -> usize {
        let mut sent = 0;
        for request in self.case["requests"].as_array().unwrap() {
            let purpose = request["purpose"].as_str().unwrap();
            self.world.set_time(time_of(request));
            let recorded = match request["json"]["send_mail"].as_bool() {
                // W248: there is no e-mail provider.
                Some(true) => 400,
                Some(false) | None => request["mock_response"]["status"].as_u64().unwrap(),
            };
            if purpose == "poll" && self.polled.is_none() {
                self.seed_polled().await;
            }
            if purpose == "poll" && recorded == 200 {
                self.approve().await;
            }
            let answer = self.send(request).await;
            let id = &self.case["id"];
            let said = format!("{id}, {purpose}: {} {}", answer.status, answer.text());
            assert_eq!(u64::from(answer.status), recorded, "{said}");
            if purpose == "poll" && recorded == 400 {
                assert_eq!(answer.summary(), "400 authorization_pending", "{said}");
            }
            if ["poll", "refresh", "management_token"].contains(&purpose) && recorded == 200 {
                assert!(answer.json()["access_token"].is_string(), "{said}");
            }
            sent += 1;
        }
        self.world.run_worker().await;
        sent
    }
}

/// W305: every recorded request gets the status that the recording's server gave, and what its
/// purpose says.
#[tokio::test]
async fn recorded_requests_of_auth0s_sdks_are_taken() {
    let vectors = vectors::auth0_sdk_requests();
    let mut sent = 0;
    for case in vectors["cases"].as_array().unwrap() {
        sent += Replay::of(&vectors, case).await.run().await;
    }
    assert_eq!(sent, 209);
}
