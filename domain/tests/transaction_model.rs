//! N53: every event in every state, before and after the end, against a model that is written down
//! from the requirements and knows nothing of the types.

#![expect(clippy::unwrap_used, reason = "what cannot be built fails the test")]

use std::collections::BTreeSet;

use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::pacing::Pacing;
use domain::ciba::profile::Profile;
use domain::ciba::request::Asked;
use domain::ciba::transaction::{
    Answer, Answered, Begun, Cancelled, Facts, Names, PollAnswer, ProgressColumns, Stored,
};
use domain::oauth::refusal::Reason;
use domain::people::PushService;
use domain::{ClientId, ConsentId, DeviceId, Fingerprint, Timestamp, TransactionId};

const BEGIN: Timestamp = Timestamp::from_ms(1_000_000);
/// A request lives so long, in seconds.
const LIFE_S: i64 = 300;
/// So many events follow each other.
const DEPTH: usize = 5;

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The client polls; an approval is exchanged (or pushed: the same step).
    Polls,
    /// The client polls, and finds that the person was blocked since.
    PollsOfBlocked,
    /// Another client polls.
    StrangerPolls,
    /// A device says yes.
    Yes(&'static str),
    /// A device says no.
    No(&'static str),
    /// The client takes it back.
    Cancels,
    /// Another client takes it back.
    StrangerCancels,
    /// The time runs out.
    Ends,
}

const EVENTS: [Event; 11] = [
    Event::Polls,
    Event::PollsOfBlocked,
    Event::StrangerPolls,
    Event::Yes("dev_1"),
    Event::Yes("dev_2"),
    Event::Yes("not asked"),
    Event::No("dev_1"),
    Event::No("dev_2"),
    Event::Cancels,
    Event::StrangerCancels,
    Event::Ends,
];

/// A state of the model, with the device that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Pending,
    Approved(&'static str),
    Denied(&'static str),
    Withdrawn,
    Failed(&'static str),
    Redeemed(&'static str),
}

/// What the model says: the state afterwards, and what is answered.
fn expected(state: State, is_late: bool, event: Event) -> (State, &'static str) {
    use State::{Approved, Denied, Failed, Pending, Redeemed, Withdrawn};
    let told = match event {
        Event::Ends => return (state, ""),
        Event::StrangerPolls | Event::StrangerCancels => "UnknownRequest",
        Event::Polls | Event::PollsOfBlocked => match state {
            Pending | Approved(_) | Denied(_) if is_late => "Late",
            Pending => "undecided",
            Approved(by) if event == Event::Polls => return (Redeemed(by), "tokens"),
            Approved(by) => return (Failed(by), "UserGone"),
            Denied(_) => "Denied",
            Withdrawn => "Withdrawn",
            Failed(_) => "UserGone",
            Redeemed(_) => "UnknownRequest",
        },
        Event::Yes("not asked") | Event::No("not asked") => "not found",
        Event::Yes(by) => match state {
            _ if is_late => "not found",
            Pending => return (Approved(by), "approved"),
            Approved(before) | Redeemed(before) | Failed(before) if before == by => "repeated",
            Approved(_) | Denied(_) | Withdrawn | Failed(_) | Redeemed(_) => "not found",
        },
        Event::No(by) => match state {
            _ if is_late => "not found",
            Pending => return (Denied(by), "denied"),
            Denied(before) if before == by => "repeated",
            Approved(_) | Denied(_) | Withdrawn | Failed(_) | Redeemed(_) => "not found",
        },
        Event::Cancels => match state {
            Pending if !is_late => return (Withdrawn, "withdrawn"),
            Withdrawn => "repeated",
            Approved(_) if is_late => "UnknownRequest",
            Approved(_) | Denied(_) | Failed(_) => "AlreadyDecided",
            Pending | Redeemed(_) => "UnknownRequest",
        },
    };
    (state, told)
}

fn facts() -> Facts {
    let document = r#"{"v":1,"user_id":"auth0|1","issuer":"https://t/","scope":"openid","expires_in":300,"channel":"guardian-push"}"#;
    let challenges = ["dev_1", "dev_2"].map(|name| Challenge {
        device: DeviceId::new(name),
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
    let begun = Begun::new(names, ClientId::new("c"), asked, challenges.into(), 5, BEGIN);
    begun.facts().clone()
}

/// The row of a state, as storage would hold it.
fn stored(facts: &Facts, state: State) -> Stored {
    let at = Some(BEGIN.plus_seconds(10));
    let (word, by, redeemed_at, reason) = match state {
        State::Pending => ("pending", None, None, None),
        State::Approved(by) => ("approved", Some(by), None, None),
        State::Denied(by) => ("denied", Some(by), None, None),
        State::Withdrawn => ("withdrawn", None, None, None),
        State::Failed(by) => ("failed", Some(by), None, Some("user_blocked")),
        State::Redeemed(by) => ("redeemed", Some(by), Some(BEGIN.plus_seconds(20)), None),
    };
    let columns = ProgressColumns {
        state: word,
        pacing: Pacing::fresh(5),
        decided_at: at.filter(|_| state != State::Pending),
        decided_by: by.map(DeviceId::new),
        reason: reason.map(str::to_owned),
        redeemed_at,
    };
    Stored::from_columns(facts.clone(), columns).unwrap()
}

fn named(device: &DeviceId) -> &'static str {
    if device.as_str() == "dev_1" { "dev_1" } else { "dev_2" }
}

/// What the types say.
fn happened(facts: &Facts, state: State, is_late: bool, event: Event) -> (State, String) {
    let now = BEGIN.plus_seconds(if is_late { LIFE_S } else { 20 });
    let transaction = stored(facts, state).at(now);
    let rules = &Profile::Ciba.rules().pacing;
    let client = |is_stranger: bool| ClientId::new(if is_stranger { "stranger" } else { "c" });
    match event {
        Event::Ends => (state, String::new()),
        Event::Polls | Event::PollsOfBlocked | Event::StrangerPolls => {
            match transaction.poll(&client(event == Event::StrangerPolls), rules, now) {
                PollAnswer::Ready(approved) if event == Event::PollsOfBlocked => {
                    let failed = approved.fail(String::from("user_blocked"));
                    (
                        State::Failed(named(failed.device().unwrap())),
                        format!("{:?}", Reason::UserGone),
                    )
                }
                PollAnswer::Ready(approved) => {
                    let redeemed = approved.redeem(now);
                    (State::Redeemed(named(&redeemed.decision().device)), String::from("tokens"))
                }
                PollAnswer::NotYet(_) | PollAnswer::TooFast(_) => (state, "undecided".into()),
                PollAnswer::Over(reason) => (state, format!("{reason:?}")),
            }
        }
        Event::Yes(by) | Event::No(by) => {
            let says_yes = matches!(event, Event::Yes(_));
            let answer = if says_yes { Answer::Approve } else { Answer::Deny { reason: None } };
            match transaction.answer(&DeviceId::new(by), answer, now) {
                Answered::Approved(approved) => {
                    (State::Approved(named(&approved.decision().device)), "approved".into())
                }
                Answered::Denied(denied) => {
                    (State::Denied(named(&denied.decision().device)), "denied".into())
                }
                Answered::Repeated => (state, "repeated".into()),
                Answered::NotFound => (state, "not found".into()),
            }
        }
        Event::Cancels | Event::StrangerCancels => {
            match transaction.cancel(&client(event == Event::StrangerCancels), now) {
                Cancelled::Withdrawn(_) => (State::Withdrawn, "withdrawn".into()),
                Cancelled::Repeated => (state, "repeated".into()),
                Cancelled::Refused(reason) => (state, format!("{reason:?}")),
            }
        }
    }
}

/// What one history has seen so far.
#[derive(Clone, Copy, Default)]
struct History {
    is_late: bool,
    token_sets: u32,
    /// It was refused or taken back, or its time ran out: no tokens any more.
    is_over: bool,
}

struct Walk {
    facts: Facts,
    seen: BTreeSet<(State, bool, Event)>,
}

impl Walk {
    fn goes_on(&mut self, state: State, history: History, depth: usize) {
        if depth == 0 {
            return;
        }
        for event in EVENTS {
            self.seen.insert((state, history.is_late, event));
            let (after, told) = happened(&self.facts, state, history.is_late, event);
            let model = expected(state, history.is_late, event);
            assert_eq!((after, told.as_str()), model, "{state:?} {event:?}");
            let mut next = history;
            next.is_late |= event == Event::Ends;
            next.token_sets += u32::from(told == "tokens");
            assert!(next.token_sets <= 1, "two sets of tokens");
            assert!(told != "tokens" || !history.is_over, "tokens after the end");
            next.is_over |= next.is_late || ["denied", "withdrawn"].contains(&told.as_str());
            self.goes_on(after, next, depth - 1);
        }
    }
}

/// N53: every history of five events, which meets every event in every state.
#[test]
fn every_event_in_every_state_does_what_the_model_says() {
    let mut walk = Walk { facts: facts(), seen: BTreeSet::new() };
    walk.goes_on(State::Pending, History::default(), DEPTH);
    let decided = ["dev_1", "dev_2"].into_iter();
    let by_device = decided.flat_map(|by| {
        [State::Approved(by), State::Denied(by), State::Failed(by), State::Redeemed(by)]
    });
    for state in by_device.chain([State::Pending, State::Withdrawn]) {
        for event in EVENTS {
            for is_late in [false, true] {
                assert!(walk.seen.contains(&(state, is_late, event)), "{state:?} {event:?}");
            }
        }
    }
}
