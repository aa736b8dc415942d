//! The transaction's states: what a poll, a device and a cancelling client get in each of them.

#![expect(clippy::unwrap_used, reason = "what tests share may panic like they do")]

use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::pacing::Pacing;
use domain::ciba::profile::Profile;
use domain::ciba::request::Asked;
use domain::ciba::transaction::{
    Answer, Answered, Begun, Cancelled, Facts, Names, PollAnswer, ProgressColumns, Stored,
    Transaction,
};
use domain::oauth::refusal::Reason;
use domain::people::PushService;
use domain::{ClientId, ConsentId, DeviceId, Fingerprint, Timestamp, TransactionId};

const BEGIN: Timestamp = Timestamp::from_ms(1_000_000);

fn device(name: &str) -> DeviceId {
    DeviceId::new(name)
}

fn begun() -> Begun {
    let document = r#"{"v":1,"user_id":"auth0|1","issuer":"https://t/","scope":"openid","expires_in":300,"channel":"guardian-push"}"#;
    let challenges = ["dev_1", "dev_2"].map(|name| Challenge {
        device: device(name),
        txtkn: Fingerprint::of(name.as_bytes()),
        challenge: format!("c of {name}"),
        service: PushService::Gcm,
        receipt: Receipt::Waiting,
        attempts: Vec::new(),
    });
    let names = Names {
        auth_req_hash: Fingerprint::of(b"r"),
        txn: TransactionId::new([1; 16]),
        name_version: 1,
        consent_id: ConsentId::new("cns_1"),
    };
    let asked = Asked::from_document(document).unwrap();
    Begun::new(names, ClientId::new("c"), asked, challenges.into(), 5, BEGIN)
}

fn facts() -> Facts {
    begun().facts().clone()
}

/// A row in `state`; whatever was decided was decided by `dev_1` after 10 s, redeemed after 20.
fn row(state: &str) -> Stored {
    let decided = state != "pending";
    let by_device = ["approved", "denied", "redeemed"].contains(&state);
    let columns = ProgressColumns {
        state,
        pacing: Pacing::fresh(5),
        decided_at: decided.then(|| BEGIN.plus_seconds(10)),
        decided_by: by_device.then(|| device("dev_1")),
        reason: None,
        redeemed_at: (state == "redeemed").then(|| BEGIN.plus_seconds(20)),
    };
    Stored::from_columns(facts(), columns).unwrap()
}

fn at(state: &str, seconds: i64) -> Transaction {
    row(state).at(BEGIN.plus_seconds(seconds))
}

/// What a poll of `client` gets: `tokens`, `pending`, `slow` or the reason.
fn polled_by(client: &str, state: &str, seconds: i64) -> String {
    let rules = &Profile::Auth0.rules().pacing;
    let now = BEGIN.plus_seconds(seconds);
    match at(state, seconds).poll(&ClientId::new(client), rules, now) {
        PollAnswer::Ready(approved) => {
            assert_eq!(approved.decision().at, BEGIN.plus_seconds(10));
            "tokens".to_owned()
        }
        PollAnswer::NotYet(_) => "pending".to_owned(),
        PollAnswer::TooFast(_) => "slow".to_owned(),
        PollAnswer::Over(reason) => format!("{reason:?}"),
    }
}

fn polled(state: &str, seconds: i64) -> String {
    polled_by("c", state, seconds)
}

const YES: Answer = Answer::Approve;
const NO: Answer = Answer::Deny { reason: None };

fn answered(state: &str, by: &str, answer: Answer, seconds: i64) -> &'static str {
    match at(state, seconds).answer(&device(by), answer, BEGIN.plus_seconds(seconds)) {
        Answered::Approved(_) => "approved",
        Answered::Denied(_) => "denied",
        Answered::Repeated => "repeated",
        Answered::NotFound => "not found",
    }
}

#[test]
fn a_new_transaction_is_pending_until_its_time_is_up() {
    let begun = begun();
    assert_eq!(begun.facts().expires_at, BEGIN.plus_seconds(300));
    assert_eq!(begun.interval_s(), 5);
    assert_eq!(begun.clone().into_stored(), row("pending"));
    assert!(matches!(begun.clone().into_stored().at(BEGIN), Transaction::Pending(_)));
    let late = begun.into_stored().at(BEGIN.plus_seconds(300));
    assert!(matches!(late, Transaction::Expired(_)));
}

/// W134: whoever polls too fast after the decision gets the outcome at once.
#[test]
fn an_outcome_is_never_withheld_for_speed() {
    let columns = ProgressColumns {
        state: "approved",
        pacing: Pacing::resumed(30, Some(BEGIN.plus_seconds(10)), Some(BEGIN.plus_seconds(10))),
        decided_at: Some(BEGIN.plus_seconds(10)),
        decided_by: Some(device("dev_1")),
        reason: None,
        redeemed_at: None,
    };
    let now = BEGIN.plus_seconds(10);
    let transaction = Stored::from_columns(facts(), columns).unwrap().at(now);
    let rules = &Profile::Auth0.rules().pacing;
    assert!(matches!(transaction.poll(&ClientId::new("c"), rules, now), PollAnswer::Ready(_)));
}

/// W135: a refusal is told on this and every later poll; C66: elsewhere until it is too late.
#[test]
fn a_refusal_is_told_on_every_poll() {
    for (seconds, told) in [(11, "Denied"), (299, "Denied"), (301, "Late"), (900, "Late")] {
        assert_eq!(polled("denied", seconds), told);
    }
    for reason in [Reason::Denied, Reason::Late] {
        let text = "The end-user denied the authorization request or it has been expired";
        assert_eq!(reason.description(Profile::Auth0), text);
        assert_eq!(reason.wire(Profile::Auth0), Reason::Denied.wire(Profile::Auth0));
    }
}

/// W136: the time runs out undecided.
#[test]
fn undecided_until_too_late() {
    assert_eq!(polled("pending", 299), "pending");
    assert_eq!(polled("pending", 300), "Late");
    assert_eq!(
        Reason::Late.description(Profile::Auth0),
        Reason::Denied.description(Profile::Auth0)
    );
    assert_eq!(Reason::Late.description(Profile::Ciba), "The auth_req_id has expired");
}

/// W138: approved in time, first polled after `expires_in`.
#[test]
fn an_approval_that_is_not_collected_in_time_buys_nothing() {
    assert_eq!(polled("approved", 299), "tokens");
    assert_eq!(polled("approved", 300), "Late");
}

/// W140: the same once more after success.
#[test]
fn what_was_redeemed_is_unknown() {
    assert_eq!(polled("redeemed", 21), "UnknownRequest");
}

/// W142: another client's is unknown in every state.
#[test]
fn another_clients_is_unknown() {
    for state in ["pending", "approved", "denied", "withdrawn", "failed", "redeemed"] {
        for seconds in [20, 400] {
            assert_eq!(polled_by("other", state, seconds), "UnknownRequest", "{state}");
        }
    }
}

#[test]
fn what_was_withdrawn_or_failed_is_denied_in_its_own_words() {
    assert_eq!(polled("withdrawn", 20), "Withdrawn");
    assert_eq!(polled("failed", 20), "Failed");
    for reason in [Reason::Withdrawn, Reason::Failed] {
        assert_eq!(reason.wire(Profile::Auth0).error, "access_denied");
        assert_ne!(reason.description(Profile::Auth0), Reason::Denied.description(Profile::Auth0));
    }
}

/// G94: too late for an answer.
#[test]
fn an_answer_after_the_time_is_not_found() {
    for state in ["pending", "approved", "denied", "redeemed"] {
        assert_eq!(answered(state, "dev_1", YES, 300), "not found", "{state}");
        assert_eq!(answered(state, "dev_1", NO, 300), "not found", "{state}");
    }
    assert_eq!(answered("pending", "dev_1", YES, 299), "approved");
    assert_eq!(answered("pending", "dev_2", NO, 0), "denied");
}

/// G95: the same device with the same decision, whatever the client has done since.
#[test]
fn the_same_decision_again_is_repeated() {
    assert_eq!(answered("approved", "dev_1", YES, 20), "repeated");
    assert_eq!(answered("redeemed", "dev_1", YES, 20), "repeated");
    assert_eq!(answered("denied", "dev_1", NO, 20), "repeated");
}

/// G96: the same device with the other decision.
#[test]
fn the_other_decision_is_not_found() {
    assert_eq!(answered("approved", "dev_1", NO, 20), "not found");
    assert_eq!(answered("redeemed", "dev_1", NO, 20), "not found");
    assert_eq!(answered("denied", "dev_1", YES, 20), "not found");
}

/// G97: another device after the first.
#[test]
fn another_device_is_not_found() {
    assert_eq!(answered("approved", "dev_2", YES, 20), "not found");
    assert_eq!(answered("denied", "dev_2", NO, 20), "not found");
}

#[test]
fn a_device_that_was_not_asked_is_not_found() {
    assert_eq!(answered("pending", "dev_9", YES, 20), "not found");
    assert_eq!(answered("withdrawn", "dev_1", NO, 20), "not found");
    assert_eq!(answered("failed", "dev_1", NO, 20), "not found");
}

#[test]
fn only_what_is_pending_can_be_withdrawn() {
    let told = |state: &str, seconds: i64, client: &str| match at(state, seconds)
        .cancel(&ClientId::new(client), BEGIN.plus_seconds(seconds))
    {
        Cancelled::Withdrawn(withdrawn) => format!("at {}", withdrawn.at().ms_since(BEGIN)),
        Cancelled::Repeated => "repeated".to_owned(),
        Cancelled::Refused(reason) => format!("{reason:?}"),
    };
    assert_eq!(told("pending", 20, "c"), "at 20000");
    assert_eq!(told("withdrawn", 20, "c"), "repeated");
    assert_eq!(told("approved", 20, "c"), "AlreadyDecided");
    assert_eq!(told("denied", 20, "c"), "AlreadyDecided");
    assert_eq!(told("redeemed", 20, "c"), "UnknownRequest");
    assert_eq!(told("pending", 300, "c"), "UnknownRequest");
    assert_eq!(told("pending", 20, "other"), "UnknownRequest");
}

#[test]
fn a_failure_after_the_approval_keeps_the_decision() {
    let Transaction::Approved(approved) = at("approved", 20) else { panic!("not approved") };
    let failed = approved.fail("the user was blocked".into());
    assert_eq!((failed.at(), failed.device()), (BEGIN.plus_seconds(10), Some(&device("dev_1"))));
}

/// W153: a person who was deleted or blocked is told like one who refused.
#[test]
fn a_person_who_is_gone_is_told_like_a_refusal() {
    for reason in ["user_deleted", "user_blocked"] {
        let Transaction::Approved(approved) = at("approved", 20) else { panic!("not approved") };
        let failed = Transaction::Failed(approved.fail(reason.into()));
        let rules = &Profile::Auth0.rules().pacing;
        let told = failed.poll(&ClientId::new("c"), rules, BEGIN.plus_seconds(20));
        assert_eq!(told, PollAnswer::Over(Reason::UserGone));
    }
    assert_eq!(Reason::UserGone.wire(Profile::Auth0), Reason::Denied.wire(Profile::Auth0));
    assert_eq!(
        Reason::UserGone.description(Profile::Auth0),
        Reason::Denied.description(Profile::Auth0)
    );
}

#[test]
fn columns_that_contradict_each_other_are_refused() {
    let (some, by) = (Some(BEGIN), Some(device("dev_1")));
    let cases = [
        ("pending", some, None, None),
        ("approved", None, None, None),
        ("approved", some, None, None),
        ("approved", some, by.clone(), some),
        ("denied", some, None, None),
        ("withdrawn", None, None, None),
        ("redeemed", some, by.clone(), None),
        ("expired", some, by, None),
    ];
    for (state, decided_at, decided_by, redeemed_at) in cases {
        let columns = ProgressColumns {
            state,
            pacing: Pacing::fresh(5),
            decided_at,
            decided_by,
            reason: None,
            redeemed_at,
        };
        assert!(Stored::from_columns(facts(), columns).is_err(), "{state}");
    }
}
