//! What limits how often a person is asked, and how often a person's code is tried.

use domain::people::User;
use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::json;
use store::prompt_limits::{self, Budget, StartsLimit, Whose};
use store::prompt_waits::{self, Growth};
use store::user_codes::{self, TryLimit};
use store::{Database, Write, Written, users};

use crate::common::{NOW, Place};

const LIMIT: StartsLimit = StartsLimit { starts: 2, window_ms: 60_000 };
const TRIES: TryLimit = TryLimit { tries: 2, window_ms: 60_000 };

fn tenant() -> TenantId {
    TenantId::new("acme")
}

async fn happens(database: &Database, write: Write) -> bool {
    database.run(write).await.unwrap() == Written::Done
}

#[tokio::test]
async fn starts_are_counted_by_the_window() {
    let place = Place::new();
    let database = place.open().await;
    let starts = |name: &'static str, now: Timestamp| {
        happens(&database, prompt_limits::count_start(&tenant(), name, LIMIT, now))
    };
    let next = async |now| {
        let asked = ("client a", LIMIT);
        prompt_limits::next_start_at(&database, &tenant(), asked, now).await.unwrap()
    };
    assert!(starts("client a", NOW).await && starts("client a", NOW.plus_seconds(50)).await);
    assert!(!starts("client a", NOW.plus_seconds(59)).await);
    assert!(starts("client b", NOW.plus_seconds(59)).await);
    assert_eq!(next(NOW.plus_seconds(59)).await, Some(NOW.plus_seconds(60)));
    assert!(starts("client a", NOW.plus_seconds(60)).await);
    assert_eq!(next(NOW.plus_seconds(60)).await, None);
}

#[tokio::test]
async fn a_budget_is_spent_and_filled_by_whoever_saw_everything() {
    let place = Place::new();
    let database = place.open().await;
    let spend = |most| happens(&database, prompt_limits::spend(&tenant(), "tenant", most, NOW));
    let read = async || prompt_limits::budget(&database, &tenant(), "tenant").await.unwrap();
    let fill = |before: Option<Budget>, to: (u32, i64)| {
        happens(&database, prompt_limits::fill(&tenant(), ("tenant", before), to, NOW))
    };
    assert!(!spend(3).await);
    assert!(fill(None, (3, 1)).await);
    assert!(!fill(None, (3, 3)).await, "somebody was faster");
    let before = read().await;
    assert!(spend(3).await && !spend(3).await);
    assert!(!fill(before, (3, 3)).await, "a start came between");
    assert!(fill(read().await, (4, 2)).await);
    assert!(!spend(3).await, "another limit is another budget");
    assert!(spend(4).await);
    assert_eq!(read().await.map(|budget| budget.left), Some(1));
}

#[tokio::test]
async fn nothing_waits_and_nothing_was_refused_where_nothing_began() {
    let place = Place::new();
    let database = place.open().await;
    let (client, user) = (ClientId::new("bank"), UserId::new("auth0|alice"));
    for whose in [
        Whose { client: None, user: None },
        Whose { client: Some(&client), user: None },
        Whose { client: Some(&client), user: Some(&user) },
    ] {
        let waiting = prompt_limits::pending(&database, &tenant(), whose, NOW).await.unwrap();
        assert_eq!((waiting.count, waiting.first_end), (0, None));
    }
    let pair = (&client, &user);
    let since = (NOW.plus_seconds(-60), NOW);
    let last = prompt_limits::last_refusal(&database, &tenant(), pair, since).await;
    assert_eq!(last.unwrap(), None);
}

#[tokio::test]
async fn tries_of_a_code_are_counted_before_they_are_judged() {
    let place = Place::new();
    let database = place.open().await;
    let body = json!({"connection": "db", "user_id": "alice"});
    let user = User::created(body.as_object().unwrap(), "0", NOW).unwrap();
    let (tenant, alice) = (tenant(), user.id().clone());
    assert!(happens(&database, users::insert(&tenant, &user, NOW)).await);
    let nobody = UserId::new("auth0|nobody");
    assert!(!happens(&database, user_codes::set(&tenant, &nobody, "hash", NOW)).await);
    assert!(happens(&database, user_codes::set(&tenant, &alice, "hash", NOW)).await);
    let read = async || user_codes::one(&database, &tenant, &alice).await.unwrap();
    let code = read().await.unwrap();
    assert_eq!((code.hash.as_str(), format!("{code:?}").contains("hash")), ("hash", false));
    let takes =
        |now| happens(&database, user_codes::take_try(&tenant, (&alice, &code), TRIES, now));
    assert!(takes(NOW).await && takes(NOW.plus_seconds(30)).await);
    assert!(!takes(NOW.plus_seconds(59)).await);
    assert_eq!(read().await.unwrap().tries_from, NOW);
    assert!(takes(NOW.plus_seconds(60)).await && takes(NOW.plus_seconds(60)).await);
    assert!(!takes(NOW.plus_seconds(60)).await);
    assert!(happens(&database, user_codes::forget_tries(&tenant, &alice)).await);
    assert!(takes(NOW.plus_seconds(61)).await);
    assert!(happens(&database, user_codes::set(&tenant, &alice, "other", NOW)).await);
    assert!(!takes(NOW.plus_seconds(62)).await, "the code was changed");
    assert!(happens(&database, user_codes::remove(&tenant, &alice)).await);
    assert!(!happens(&database, user_codes::remove(&tenant, &alice)).await);
    assert_eq!(read().await, None);
}

/// A wait begins where a request ends, and the next one is twice as long, up to the longest.
#[tokio::test]
async fn waits_double_from_end_to_end() {
    const GROWTH: Growth = Growth { first_ms: 10_000, most_ms: 30_000 };
    let place = Place::new();
    let database = place.open().await;
    let (client, user) = (ClientId::new("bank"), UserId::new("auth0|alice"));
    let (tenant, pair) = (tenant(), (&client, &user));
    let begins = |at: i64, ends: i64| {
        let times = (NOW.plus_seconds(ends), NOW.plus_seconds(at));
        happens(&database, prompt_waits::begin(&tenant, pair, GROWTH, times))
    };
    let over_at = async |at: i64| {
        let now = NOW.plus_seconds(at);
        let over_at = prompt_waits::over_at(&database, &tenant, pair, now).await.unwrap();
        over_at.map(|over_at| over_at.ms_since(NOW) / 1000)
    };
    assert!(begins(0, 100).await && begins(1, 50).await, "both wait for the same answer");
    assert_eq!(over_at(99).await, None);
    let ended = prompt_waits::ended(&tenant, pair, NOW.plus_seconds(5));
    assert!(happens(&database, ended).await);
    assert_eq!(over_at(5).await, Some(15));
    assert!(!begins(14, 100).await);
    for (at, over) in [(15, 40), (41, 76), (77, 112)] {
        assert!(begins(at, at + 5).await);
        assert_eq!(over_at(at + 5).await, Some(over), "{at}");
        assert!(!begins(over - 1, over + 5).await);
    }
    assert!(begins(112 + 90_000, 100_000).await, "a day later it begins with the first wait");
    assert_eq!(over_at(100_000).await, Some(100_010));
    assert!(happens(&database, prompt_waits::forget(&tenant, pair)).await);
    assert_eq!(over_at(100_000).await, None);
}
