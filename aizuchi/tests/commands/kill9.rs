//! `kill -9` in the middle of everything: what was acknowledged is still true afterwards, and
//! nothing happened twice.

use std::sync::mpsc::{Sender, channel};

use crate::common::{Dev, try_exchange};

const GRANT: (&str, &str) = ("grant_type", "urn:openid:params:grant-type:ciba");
/// Programs that start, approve and redeem at the same time.
const PROGRAMS: usize = 6;
/// The server dies after so many acknowledgements.
const BURSTS: [usize; 3] = [40, 111, 180];

/// How far a step of a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    NotTried,
    /// Sent, but no answer came.
    Unknown,
    Acknowledged,
}

/// A request whose start was acknowledged.
#[derive(Debug)]
struct Fact {
    auth_req_id: String,
    approved: Step,
    redeemed: Step,
}

/// Starts, approves and redeems until the server is gone; what it was told.
fn works(dev: &Dev, program: usize, acknowledged: &Sender<()>) -> Vec<Fact> {
    let issuer = dev.text("/issuer");
    let hint = serde_json::json!({
        "format": "iss_sub", "iss": issuer, "sub": dev.text("/user/user_id"),
    });
    let hint = hint.to_string();
    let mut facts = Vec::new();
    for round in 0.. {
        let message = format!("{program}-{round}");
        let form = [("scope", "openid"), ("binding_message", &message), ("login_hint", &hint)];
        let Some((200, body)) = dev.try_form("/bc-authorize", &form) else { return facts };
        let auth_req_id = body["auth_req_id"].as_str().unwrap().to_owned();
        facts.push(Fact { auth_req_id, approved: Step::NotTried, redeemed: Step::NotTried });
        let fact = facts.last_mut().unwrap();
        let mut goes_on = acknowledged.send(()).is_ok();
        if goes_on && round % 3 > 0 {
            let path = format!("/dev/ciba/{}/allow", fact.auth_req_id);
            let answer = try_exchange(&dev.text("/http"), ("POST", &path), "", "");
            let is_done = matches!(answer, Some((204, _)));
            fact.approved = if is_done { Step::Acknowledged } else { Step::Unknown };
            goes_on = is_done && acknowledged.send(()).is_ok();
        }
        if goes_on && round % 3 > 1 {
            let poll = [GRANT, ("auth_req_id", &fact.auth_req_id)];
            let is_done = matches!(dev.try_form("/oauth/token", &poll), Some((200, _)));
            fact.redeemed = if is_done { Step::Acknowledged } else { Step::Unknown };
            goes_on = is_done && acknowledged.send(()).is_ok();
        }
        if !goes_on {
            return facts;
        }
    }
    facts
}

/// That a fact is as true as it was acknowledged.
fn still_holds(dev: &Dev, fact: &Fact) {
    const USED: (u16, &str) = (403, "invalid_grant");
    let poll = || dev.poll(&fact.auth_req_id);
    let (status, said) = poll();
    let answer = (status, said.as_str());
    let is_undecided = matches!(answer, (400, "authorization_pending") | (429, "slow_down"));
    match (fact.approved, fact.redeemed) {
        (Step::NotTried, _) => assert!(is_undecided, "{fact:?}: {answer:?}"),
        (Step::Unknown, _) => assert!(is_undecided || status == 200, "{fact:?}: {answer:?}"),
        (Step::Acknowledged, Step::NotTried) => assert_eq!(status, 200, "{fact:?}: {answer:?}"),
        (Step::Acknowledged, Step::Unknown) => {
            assert!(status == 200 || answer == USED, "{fact:?}: {answer:?}");
        }
        (Step::Acknowledged, Step::Acknowledged) => assert_eq!(answer, USED, "{fact:?}"),
    }
    if !is_undecided {
        let (status, said) = poll();
        assert_eq!((status, said.as_str()), USED, "{fact:?}: redeemed twice");
    }
}

/// O54: three bursts on the same data, each ended by SIGKILL.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let options = ["--virtual-phones", "--set", "limits.prompts_per_user_per_minute=1000000"];
    let mut dev = Dev::start(&options);
    let mut facts = Vec::new();
    for burst in BURSTS {
        let (acknowledged, acknowledgements) = channel();
        std::thread::scope(|scope| {
            let programs: Vec<_> = (0..PROGRAMS)
                .map(|program| {
                    let (dev, acknowledged) = (&dev, acknowledged.clone());
                    scope.spawn(move || works(dev, program, &acknowledged))
                })
                .collect();
            for _ in 0..burst {
                acknowledgements.recv().unwrap();
            }
            crate::common::signal(dev.child(), "-KILL");
            for program in programs {
                facts.extend(program.join().unwrap());
            }
        });
        let card = dev.card.clone();
        let (status, folder, database) = dev.ended();
        assert!(!status.success());
        dev = Dev::start_again(folder, database, &card, &options);
        for fact in &facts {
            still_holds(&dev, fact);
        }
        assert!(facts.len() >= burst / 3, "{} requests", facts.len());
        facts.clear();
    }
}
