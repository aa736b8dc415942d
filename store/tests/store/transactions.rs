//! The transaction's row: every step of architecture 2 is one guarded statement.

use crate::common::{NOW, Place};
use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::delivery::Mode;
use domain::ciba::pacing::Pacing;
use domain::ciba::request::{Asked, Beyond};
use domain::ciba::transaction::{
    Answer, Answered, Approved, Begun, Cancelled, Denied, Names, Stored, Transaction, Withdrawn,
};
use domain::oauth::client::Channel;
use domain::oauth::scope::Scope;
use domain::people::{Device, PushService, User};
use domain::{
    ClientId, ConsentId, DeviceId, Fingerprint, TenantId, Timestamp, TransactionId, UserId,
};
use serde_json::json;
use store::clients::{self, ClientRow};
use store::transactions::{self, PAGE_LIMIT};
use store::{Database, Write, Written, enrollments, users};
use tokio::task::JoinSet;

pub(crate) const LIFE_S: i64 = 300;

pub(crate) fn acme() -> TenantId {
    TenantId::new("acme")
}

pub(crate) fn bank() -> ClientId {
    ClientId::new("bank")
}

pub(crate) fn hash(number: u8) -> Fingerprint {
    Fingerprint::of(&[number])
}

pub(crate) async fn done(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn overtaken(database: &Database, write: Write) {
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
}

fn alice() -> User {
    let body = json!({"connection": "db", "user_id": "alice"}).as_object().unwrap().clone();
    User::created(&body, "0", NOW).unwrap()
}

fn phone(name: &str) -> Device {
    Device {
        id: DeviceId::new(name),
        user: alice().id().clone(),
        identifier: name.to_owned(),
        name: name.to_owned(),
        push_service: PushService::Gcm,
        push_token: Some(String::from("token")),
        public_jwk: String::from("{}"),
        base_url: String::from("https://localhost:8443/appliance-mfa"),
        enrolled_at: NOW,
        last_auth_at: None,
        own: None,
    }
}

fn challenge(device: &str, number: u8) -> Challenge {
    Challenge {
        device: DeviceId::new(device),
        txtkn: Fingerprint::of(format!("{device} {number}").as_bytes()),
        challenge: format!("challenge {number}"),
        service: PushService::Gcm,
        receipt: Receipt::Waiting,
        attempts: Vec::new(),
    }
}

fn begun(number: u8) -> Begun {
    begun_by(number, Mode::Poll)
}

pub(crate) fn begun_by(number: u8, delivery: Mode) -> Begun {
    let names = Names {
        auth_req_hash: hash(number),
        txn: TransactionId::new([number; 16]),
        name_version: 1,
        consent_id: ConsentId::new(format!("cns_{number:022}")),
    };
    let asked = Asked {
        user_id: alice().id().clone(),
        issuer: String::from("https://localhost:8443/"),
        audience: Some(String::from("https://api.example.com/")),
        beyond: Beyond::default(),
        scope: Scope::of(["openid", "transfer:funds"]),
        binding_message: Some(String::from("Pay 25.00")),
        details: None,
        acr: None,
        request_context: None,
        expires_in_s: LIFE_S,
        channel: Channel::GuardianPush,
        delivery,
    };
    let challenges = vec![challenge("dev_one", number), challenge("dev_two", number)];
    Begun::new(names, bank(), asked, challenges, 5, NOW)
}

/// A tenant with Alice, her two phones and the bank.
pub(crate) async fn tenant() -> (Place, Database) {
    let place = Place::new();
    let database = place.open().await;
    done(&database, users::insert(&acme(), &alice(), NOW)).await;
    for (name, token) in [("dev_one", "a"), ("dev_two", "b")] {
        let token = Fingerprint::of(token.as_bytes());
        done(&database, enrollments::insert(&acme(), &phone(name), token)).await;
    }
    let client = ClientRow {
        client_id: bank(),
        secret_hash: None,
        document: String::from("{}"),
        created_at: NOW,
        updated_at: NOW,
    };
    done(&database, clients::insert(&acme(), &client)).await;
    (place, database)
}

pub(crate) async fn begin(database: &Database, number: u8) {
    done(database, transactions::begin(&acme(), &begun(number), NOW, Some(NOW))).await;
}

async fn stored(database: &Database, number: u8) -> Stored {
    transactions::find(database, &acme(), &hash(number)).await.unwrap().unwrap()
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

async fn answered(database: &Database, number: u8, answer: Answer, now: Timestamp) -> Answered {
    stored(database, number).await.at(now).answer(&DeviceId::new("dev_one"), answer, now)
}

pub(crate) async fn approved(database: &Database, number: u8, now: Timestamp) -> Approved {
    let answered = answered(database, number, Answer::Approve, now).await;
    let Answered::Approved(approved) = answered else { unreachable!("{answered:?}") };
    approved
}

async fn denied(database: &Database, number: u8, now: Timestamp) -> Denied {
    let reason = Some(String::from("hack"));
    let answered = answered(database, number, Answer::Deny { reason }, now).await;
    let Answered::Denied(denied) = answered else { unreachable!("{answered:?}") };
    denied
}

pub(crate) async fn withdrawn(database: &Database, number: u8, now: Timestamp) -> Withdrawn {
    let cancelled = stored(database, number).await.at(now).cancel(&bank(), now);
    let Cancelled::Withdrawn(withdrawn) = cancelled else { unreachable!("{cancelled:?}") };
    withdrawn
}

#[tokio::test]
async fn a_transaction_is_found_by_its_name_and_by_each_of_its_tokens() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let expected = begun(1).into_stored();
    assert_eq!(stored(&database, 1).await, expected);
    for device in ["dev_one", "dev_two"] {
        let found =
            transactions::find_by_txtkn(&database, &acme(), &challenge(device, 1).txtkn).await;
        assert_eq!(found, Ok(Some(expected.clone())));
    }
    let other = TenantId::new("other");
    assert_eq!(transactions::find(&database, &other, &hash(1)).await, Ok(None));
    assert_eq!(transactions::find_by_txtkn(&database, &acme(), &hash(1)).await, Ok(None));
}

#[tokio::test]
async fn nothing_begins_for_a_changed_client_or_twice_under_one_name() {
    let (_place, database) = tenant().await;
    overtaken(&database, transactions::begin(&acme(), &begun(1), later(1), None)).await;
    begin(&database, 1).await;
    let again = database.run(transactions::begin(&acme(), &begun(1), NOW, None)).await;
    assert_ne!(again, Ok(Written::Done));
    assert_eq!(stored(&database, 1).await, begun(1).into_stored());
}

#[tokio::test]
async fn without_a_client_only_the_person_is_needed() {
    let (_place, database) = tenant().await;
    done(&database, clients::delete(&acme(), &bank(), NOW)).await;
    let begin = |number| transactions::begin_without_client(&acme(), &begun(number), Some(NOW));
    done(&database, begin(1)).await;
    assert_eq!(stored(&database, 1).await, begun(1).into_stored());
    done(&database, users::delete(&acme(), alice().id(), NOW)).await;
    overtaken(&database, begin(2)).await;
}

/// Whether there is such a person, and what they are, does not matter where nobody is asked; the
/// client does.
#[tokio::test]
async fn a_request_that_asks_nobody_needs_only_the_client() {
    let (_place, database) = tenant().await;
    done(&database, users::delete(&acme(), alice().id(), NOW)).await;
    let begin = |number| transactions::begin_unasked(&acme(), &begun(number), NOW);
    done(&database, begin(1)).await;
    overtaken(&database, begin(1)).await;
    assert_eq!(stored(&database, 1).await, begun(1).into_stored());
    assert!(transactions::with_due_pushes(&database, later(1)).await.unwrap().is_empty());
    overtaken(&database, transactions::approve(&acme(), &approved(&database, 1, NOW).await)).await;
    done(&database, clients::delete(&acme(), &bank(), NOW)).await;
    overtaken(&database, begin(2)).await;
}

#[tokio::test]
async fn an_approval_is_stored_once_and_redeemed_once() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let yes = approved(&database, 1, later(10)).await;
    let no = denied(&database, 1, later(10)).await;
    done(&database, transactions::approve(&acme(), &yes)).await;
    overtaken(&database, transactions::approve(&acme(), &yes)).await;
    overtaken(&database, transactions::deny(&acme(), &no)).await;

    let redeemed = yes.redeem(later(20));
    done(&database, transactions::redeem(&acme(), &redeemed, NOW, &[7; 16])).await;
    overtaken(&database, transactions::redeem(&acme(), &redeemed, NOW, &[8; 16])).await;
    assert!(matches!(stored(&database, 1).await.at(later(21)), Transaction::Redeemed(_)));
}

/// W143: of fifty at once, one wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_redemptions_at_once_one_is_done() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let yes = approved(&database, 1, later(10)).await;
    done(&database, transactions::approve(&acme(), &yes)).await;
    let racers = (0..50u8).map(|racer| {
        let redeemed = yes.clone().redeem(later(20));
        transactions::redeem(&acme(), &redeemed, NOW, &[racer; 16])
    });
    assert_eq!(winners(&database, racers).await.len(), 1);
}

/// G98: allow and deny at the same moment: one counts, and it is what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_answers_at_once_one_is_done() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let yes = approved(&database, 1, later(10)).await;
    let no = denied(&database, 1, later(10)).await;
    let racers = (0..20).map(|racer| {
        if racer % 2 == 0 {
            transactions::approve(&acme(), &yes)
        } else {
            transactions::deny(&acme(), &no)
        }
    });
    let won = winners(&database, racers).await;
    assert_eq!(won.len(), 1);
    let is_yes = matches!(stored(&database, 1).await.at(later(11)), Transaction::Approved(_));
    assert_eq!(is_yes, won.iter().all(|racer| racer % 2 == 0));
}

/// Runs all at once and gives the positions of those that were done.
async fn winners(database: &Database, racers: impl Iterator<Item = Write>) -> Vec<usize> {
    let mut running = JoinSet::new();
    for (position, write) in racers.enumerate() {
        let database = database.clone();
        running.spawn(async move { (position, database.run(write).await.unwrap()) });
    }
    let all = running.join_all().await;
    let done = all.into_iter().filter(|(_, written)| *written == Written::Done);
    done.map(|(position, _)| position).collect()
}

#[tokio::test]
async fn a_redemption_needs_its_time_its_client_its_person_and_its_device() {
    const BLOCK: &str = "UPDATE users SET blocked = $1";
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let yes = approved(&database, 1, later(10)).await;
    done(&database, transactions::approve(&acme(), &yes)).await;
    let redeem = |seconds: i64, client_updated_at| {
        let redeemed = yes.clone().redeem(later(seconds));
        transactions::redeem(&acme(), &redeemed, client_updated_at, &[1; 16])
    };
    overtaken(&database, redeem(LIFE_S, NOW)).await;
    overtaken(&database, redeem(20, NOW.plus_ms(-1))).await;
    done(&database, Write::new().exactly(1, BLOCK, [true.into()])).await;
    overtaken(&database, redeem(20, NOW)).await;
    done(&database, Write::new().exactly(1, BLOCK, [false.into()])).await;
    done(&database, enrollments::delete(&acme(), &DeviceId::new("dev_one"))).await;
    overtaken(&database, redeem(20, NOW)).await;
    assert!(matches!(stored(&database, 1).await.at(later(20)), Transaction::Approved(_)));
}

#[tokio::test]
async fn a_denial_keeps_its_device_and_its_reason() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let no = denied(&database, 1, later(10)).await;
    done(&database, transactions::deny(&acme(), &no)).await;
    assert_eq!(stored(&database, 1).await.at(later(11)), Transaction::Denied(no));
}

#[tokio::test]
async fn what_is_late_or_withdrawn_is_not_decided() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let yes = approved(&database, 1, later(LIFE_S - 1)).await;
    let back = withdrawn(&database, 1, later(20)).await;
    done(&database, transactions::withdraw(&acme(), &back)).await;
    overtaken(&database, transactions::withdraw(&acme(), &back)).await;
    overtaken(&database, transactions::approve(&acme(), &yes)).await;

    begin(&database, 2).await;
    done(&database, transactions::approve(&acme(), &approved(&database, 2, later(10)).await)).await;
    let approved = stored(&database, 2).await.at(later(20));
    let Transaction::Approved(approved) = approved else { unreachable!("{approved:?}") };
    let late = approved.redeem(later(LIFE_S));
    overtaken(&database, transactions::redeem(&acme(), &late, NOW, &[7; 16])).await;
}

#[tokio::test]
async fn a_device_that_left_decides_nothing() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let yes = approved(&database, 1, later(10)).await;
    done(&database, enrollments::delete(&acme(), &DeviceId::new("dev_one"))).await;
    overtaken(&database, transactions::approve(&acme(), &yes)).await;
}

#[tokio::test]
async fn an_interval_only_grows_and_only_while_nothing_is_decided() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    let pacing = |seconds| Pacing::resumed(seconds, Some(later(1)), Some(later(2)));
    done(&database, transactions::record_pacing(&acme(), &hash(1), &pacing(10))).await;
    overtaken(&database, transactions::record_pacing(&acme(), &hash(1), &pacing(5))).await;
    let open = transactions::open_page(&database, NOW, None).await.unwrap();
    assert_eq!(open.first().map(|row| row.pacing), Some(pacing(10)));
    done(&database, transactions::deny(&acme(), &denied(&database, 1, later(10)).await)).await;
    overtaken(&database, transactions::record_pacing(&acme(), &hash(1), &pacing(15))).await;
}

#[tokio::test]
async fn one_wrong_number_is_noted_while_nothing_is_decided() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    begin(&database, 2).await;
    done(&database, transactions::note_wrong_match(&acme(), &hash(1))).await;
    overtaken(&database, transactions::note_wrong_match(&acme(), &hash(1))).await;
    done(&database, transactions::deny(&acme(), &denied(&database, 2, later(10)).await)).await;
    overtaken(&database, transactions::note_wrong_match(&acme(), &hash(2))).await;
}

#[tokio::test]
async fn what_is_over_is_no_longer_open() {
    let (_place, database) = tenant().await;
    let open = async |seconds| {
        let open = transactions::open_of_tenant(&database, &acme(), later(seconds)).await.unwrap();
        (open.count, open.first_end)
    };
    assert_eq!(open(0).await, (0, None));
    for number in [1, 2, 3] {
        begin(&database, number).await;
    }
    let yes = approved(&database, 1, later(10)).await;
    done(&database, transactions::approve(&acme(), &yes)).await;
    assert_eq!(open(10).await, (3, Some(later(LIFE_S))), "not exchanged yet");
    done(&database, transactions::deny(&acme(), &denied(&database, 2, later(10)).await)).await;
    assert_eq!(open(10).await.0, 2);
    assert_eq!(open(LIFE_S).await, (0, None));
}

#[tokio::test]
async fn the_first_reading_and_each_new_refusal_are_noted() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    for seconds in [10, 20] {
        let note = transactions::note_consent_read(&acme(), &hash(1), later(seconds));
        done(&database, note).await;
    }
    let found = stored(&database, 1).await.at(NOW);
    assert_eq!(found.facts().consent_read_at, Some(later(10)));
    done(&database, transactions::note_refusal(&acme(), &hash(1), "access_denied")).await;
    overtaken(&database, transactions::note_refusal(&acme(), &hash(1), "access_denied")).await;
    done(&database, transactions::note_refusal(&acme(), &hash(1), "invalid_grant")).await;
    overtaken(&database, transactions::note_refusal(&acme(), &hash(1), "access_denied")).await;
    done(&database, transactions::note_refusal(&acme(), &hash(1), "access")).await;
    let found = stored(&database, 1).await.at(NOW);
    assert!(found.facts().has_logged("access_denied") && !found.facts().has_logged("denied"));
    overtaken(&database, transactions::note_refusal(&acme(), &hash(2), "access_denied")).await;
}

#[tokio::test]
async fn pushes_that_are_due_are_leased_by_one_node_and_recorded() {
    let (_place, database) = tenant().await;
    begin(&database, 1).await;
    assert!(transactions::with_due_pushes(&database, NOW.plus_ms(-1)).await.unwrap().is_empty());
    let due = transactions::with_due_pushes(&database, NOW).await.unwrap();
    assert_eq!(due.iter().map(|due| (due.due_at, due.attempts)).collect::<Vec<_>>(), [(NOW, 0)]);
    assert_eq!(due.first().map(|due| due.tenant.clone()), Some(acme()));
    done(&database, transactions::lease_pushes(&acme(), &hash(1), NOW, later(30))).await;
    overtaken(&database, transactions::lease_pushes(&acme(), &hash(1), NOW, later(30))).await;

    let sent = Challenge { receipt: Receipt::Sent { at: NOW }, ..challenge("dev_one", 1) };
    let challenges = [sent, challenge("dev_two", 1)];
    let record = transactions::record_pushes(&acme(), &hash(1), (0, &challenges), Some(later(60)));
    done(&database, record).await;
    let due = transactions::with_due_pushes(&database, later(60)).await.unwrap();
    assert_eq!(due.first().map(|due| due.attempts), Some(1));
    assert_eq!(stored(&database, 1).await.at(NOW).facts().challenges, challenges);
    let late = transactions::record_pushes(&acme(), &hash(1), (0, &challenges), None);
    overtaken(&database, late).await;
    let again = transactions::push_again(&acme(), &hash(1), &challenges, later(5));
    done(&database, again.clone()).await;
    let due = transactions::with_due_pushes(&database, later(5)).await.unwrap();
    assert_eq!(due.first().map(|due| due.attempts), Some(0));
    done(&database, transactions::deny(&acme(), &denied(&database, 1, later(10)).await)).await;
    assert!(transactions::with_due_pushes(&database, later(60)).await.unwrap().is_empty());
    overtaken(&database, again).await;
}

#[tokio::test]
async fn open_requests_are_paged_in_the_order_of_their_end_and_counted() {
    let (_place, database) = tenant().await;
    for number in 1..=3 {
        begin(&database, number).await;
    }
    let all = transactions::open_page(&database, NOW, None).await.unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|row| row.client == bank() && row.tenant == acme()));
    assert!(i64::try_from(all.len()).unwrap() < PAGE_LIMIT);
    let rest =
        transactions::open_page(&database, NOW, all.first().map(transactions::OpenRow::position))
            .await;
    let hashes = |rows: &[transactions::OpenRow]| -> Vec<_> {
        rows.iter().map(|row| row.auth_req_hash).collect()
    };
    assert_eq!(hashes(&rest.unwrap()), hashes(&all)[1..]);
    assert!(transactions::open_page(&database, later(LIFE_S), None).await.unwrap().is_empty());
    let count = async |user: &UserId, now| {
        transactions::count_open_of_user(&database, &acme(), user, now).await.unwrap()
    };
    assert_eq!(count(alice().id(), NOW).await, 3);
    assert_eq!(count(alice().id(), later(LIFE_S)).await, 0);
    assert_eq!(count(&UserId::new("auth0|bob"), NOW).await, 0);
}
