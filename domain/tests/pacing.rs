//! B4.1: how fast a client may poll (W125 to W133).

use domain::Timestamp;
use domain::ciba::pacing::{Pace, Pacing};
use domain::ciba::profile::Profile;
use proptest::prelude::*;

/// A client that polls at given milliseconds; each answer is `ok` or the interval it is told.
fn told(profile: Profile, polls_ms: &[i64]) -> Vec<String> {
    let mut pacing = Pacing::fresh(5);
    let rules = &profile.rules().pacing;
    let mut answers = Vec::new();
    for &ms in polls_ms {
        match pacing.poll(rules, Timestamp::from_ms(1_000_000 + ms)) {
            Pace::InTime(next) => {
                answers.push("ok".to_owned());
                pacing = next;
            }
            Pace::TooFast(next) => {
                answers.push(next.interval_s().to_string());
                pacing = next;
            }
        }
    }
    answers
}

/// W125: the first poll may come at once.
#[test]
fn the_first_poll_is_never_too_fast() {
    assert_eq!(told(Profile::Auth0, &[0]), ["ok"]);
}

/// W127: in time after the interval, and up to half a second before.
#[test]
fn half_a_second_early_counts_as_in_time() {
    assert_eq!(told(Profile::Auth0, &[0, 5_000, 9_500]), ["ok", "ok", "ok"]);
    assert_eq!(told(Profile::Auth0, &[0, 4_499]), ["ok", "10"]);
}

/// W128: the second poll comes one second after the first.
#[test]
fn a_poll_after_one_second_raises_the_interval_to_ten() {
    assert_eq!(told(Profile::Auth0, &[0, 1_000]), ["ok", "10"]);
}

/// W129: each further poll that comes too early raises the interval by five seconds, up to thirty.
#[test]
fn the_interval_grows_by_five_up_to_thirty() {
    let polls: Vec<i64> = (0..9).map(|n| n * 4_000).collect();
    assert_eq!(
        told(Profile::Auth0, &polls),
        ["ok", "10", "15", "20", "25", "30", "30", "30", "30"]
    );
}

/// W129: a grown interval stays for this request.
#[test]
fn the_interval_never_falls() {
    assert_eq!(
        told(Profile::Auth0, &[0, 1_000, 11_000, 21_000, 26_000]),
        ["ok", "10", "ok", "ok", "15"]
    );
}

/// W130: automatic retries within three seconds are told the same and count for nothing.
#[test]
fn retries_within_three_seconds_do_not_escalate() {
    assert_eq!(
        told(Profile::Auth0, &[0, 1_000, 1_100, 1_500, 4_000, 11_000]),
        ["ok", "10", "10", "10", "10", "ok"]
    );
    assert_eq!(told(Profile::Auth0, &[0, 1_000, 4_001]), ["ok", "10", "15"]);
}

/// W131: whoever waits as long as told is in time.
#[test]
fn waiting_as_told_is_in_time() {
    assert_eq!(told(Profile::Auth0, &[0, 1_000, 11_000]), ["ok", "10", "ok"]);
}

/// W132: outside `auth0` there is neither a window for retries nor a bound.
#[test]
fn other_profiles_escalate_every_time_and_without_bound() {
    let polls: Vec<i64> = (0..9).map(|n| n * 100).collect();
    for profile in [Profile::Ciba, Profile::FapiCiba] {
        assert_eq!(told(profile, &polls), ["ok", "10", "15", "20", "25", "30", "35", "40", "45"]);
    }
}

/// W133: twenty polls without pause only ever slow down.
#[test]
fn hammering_never_ends_the_request() {
    let polls: Vec<i64> = (0..20).map(|n| n * 50).collect();
    let answers = told(Profile::Auth0, &polls);
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().skip(1).all(|answer| answer == "10"), "{answers:?}");
}

#[test]
fn a_clock_that_was_set_back_does_not_lock_the_client_out() {
    assert_eq!(told(Profile::Auth0, &[3_600_000, 0, 5_000]), ["ok", "ok", "ok"]);
}

proptest! {
    /// W129: whatever the rhythm, the interval never falls, and stays within five and thirty.
    #[test]
    fn the_interval_is_monotone(gaps in proptest::collection::vec(0i64..40_000, 1..60)) {
        let mut pacing = Pacing::fresh(5);
        let mut now = Timestamp::from_ms(0);
        for gap in gaps {
            now = now.plus_ms(gap);
            let (Pace::InTime(next) | Pace::TooFast(next)) =
                pacing.poll(&Profile::Auth0.rules().pacing, now);
            prop_assert!(next.interval_s() >= pacing.interval_s());
            prop_assert!((5..=30).contains(&next.interval_s()));
            pacing = next;
        }
    }

    /// W131: from any history, waiting the interval is in time and leaves the interval alone.
    #[test]
    fn waiting_the_interval_is_always_in_time(
        gaps in proptest::collection::vec(0i64..10_000, 0..30),
        profile in prop_oneof![Just(Profile::Auth0), Just(Profile::Ciba)],
    ) {
        let rules = &profile.rules().pacing;
        let mut pacing = Pacing::fresh(5);
        let mut now = Timestamp::from_ms(0);
        for gap in gaps {
            now = now.plus_ms(gap);
            let (Pace::InTime(next) | Pace::TooFast(next)) = pacing.poll(rules, now);
            pacing = next;
        }
        let interval_s = pacing.interval_s();
        let later = pacing.poll(rules, now.plus_seconds(interval_s));
        prop_assert!(matches!(later, Pace::InTime(next) if next.interval_s() == interval_s));
    }
}
