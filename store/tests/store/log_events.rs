//! The log: told with the fact, read by page or by checkpoint.

use domain::people::search::{LogField, parse_logs};
use domain::{ClientId, LogEvent, TenantId, Timestamp, UserId};
use serde_json::json;
use store::log_events::{self, LogPage};
use store::log_search::{self, LogSearch};
use store::{Database, Faults, Write, Written};

use crate::common::{NOW, Place, insert};

fn tenant() -> TenantId {
    TenantId::new("acme")
}

fn event(id: i64) -> LogEvent {
    LogEvent {
        id,
        at: NOW.plus_ms(id),
        kind: String::from("ciba_start_succeeded"),
        client_id: Some(ClientId::new("shop")),
        user_id: (id % 2 == 0).then(|| UserId::new("auth0|alice")),
        document: json!({"details": {"number": id}}),
    }
}

async fn filled(database: &Database, entries: i64) {
    let steps = (1..=entries)
        .map(event)
        .fold(Write::new(), |write, event| log_events::append(write, &tenant(), &event));
    assert_eq!(database.run(steps).await, Ok(Written::Done));
}

fn ids(events: &[LogEvent]) -> Vec<i64> {
    events.iter().map(|event| event.id).collect()
}

const fn page(offset: u32, limit: u32, newest_first: bool) -> LogPage {
    LogPage { offset, limit, newest_first }
}

#[tokio::test]
async fn an_entry_is_told_with_its_fact_or_not_at_all() {
    let place = Place::new();
    let database = place.open().await;
    let fact = |id| log_events::append(insert("fact", 1), &tenant(), &event(id));
    assert_eq!(database.run(fact(1)).await, Ok(Written::Done));
    assert_eq!(database.run(fact(2)).await, Ok(Written::Overtaken));
    assert_eq!(log_events::find(&database, &tenant(), 1).await, Ok(Some(event(1))));
    assert_eq!(log_events::find(&database, &tenant(), 2).await, Ok(None));
    assert_eq!(log_events::find(&database, &TenantId::new("other"), 1).await, Ok(None));
}

#[tokio::test]
async fn pages_go_both_ways_and_know_their_bounds() {
    let place = Place::new();
    let database = place.open().await;
    filled(&database, 6).await;
    let list = async |page| ids(&log_events::list(&database, &tenant(), page).await.unwrap());
    assert_eq!(list(page(0, 2, true)).await, [6, 5]);
    assert_eq!(list(page(4, 100_000, true)).await, [2, 1]);
    assert_eq!(list(page(1, 2, false)).await, [2, 3]);
    assert!(list(page(log_events::OFFSET_LIMIT, 1, true)).await.is_empty());
    assert_eq!(log_events::count(&database, &tenant(), None).await, Ok(6));
}

#[tokio::test]
async fn a_persons_entries_are_a_list_of_their_own() {
    let place = Place::new();
    let database = place.open().await;
    filled(&database, 6).await;
    let alice = UserId::new("auth0|alice");
    let list = async |page| {
        ids(&log_events::list_of_user(&database, &tenant(), &alice, page).await.unwrap())
    };
    assert_eq!(list(page(0, 2, true)).await, [6, 4]);
    assert_eq!(list(page(1, 9, false)).await, [4, 6]);
    assert_eq!(log_events::count(&database, &tenant(), Some(&alice)).await, Ok(3));
}

#[tokio::test]
async fn a_checkpoint_gives_what_came_after_it_oldest_first() {
    let place = Place::new();
    let database = place.open().await;
    filled(&database, 5).await;
    let between = async |after, before, take| {
        let found = log_events::between(&database, &tenant(), (after, before), take).await;
        ids(&found.unwrap())
    };
    assert_eq!(between(2, i64::MAX, 2).await, [3, 4]);
    assert_eq!(between(0, i64::MAX, 1_000).await, [1, 2, 3, 4, 5]);
    assert_eq!(between(1, 4, 10).await, [2, 3]);
    assert!(between(5, i64::MAX, 10).await.is_empty());
}

#[tokio::test]
async fn the_same_questions_find_the_same_entries_on_both_engines() {
    let place = Place::new();
    let database = place.open().await;
    filled(&database, 6).await;
    let asked = async |search: &LogSearch| {
        let found = log_search::find(&database, &tenant(), search, 0, 10).await.unwrap();
        let count = log_search::count(&database, &tenant(), search, 4).await.unwrap();
        assert_eq!(count, (found.len() as u64).min(4));
        ids(&found)
    };
    let alice = UserId::new("auth0|alice");
    let cases: [(&str, &[i64]); 9] = [
        ("type:ciba_*", &[6, 5, 4, 3, 2, 1]),
        ("NOT client_id:shop", &[]),
        ("user_id:*", &[6, 4, 2]),
        ("NOT _exists_:user_id", &[5, 3, 1]),
        ("log_id:4 OR log_id:07 OR log_id:x", &[4]),
        ("log_id:[2 TO 3]", &[3, 2]),
        ("ip:* OR user_name:al*", &[]),
        ("date:[* TO 2020-01-01}", &[]),
        ("ciba_start_succeeded AND user_id:\"auth0|alice\"", &[6, 4, 2]),
    ];
    for (question, expected) in cases {
        let query = Some(parse_logs(question).unwrap());
        let search = LogSearch { query, ..LogSearch::default() };
        assert_eq!(asked(&search).await, expected, "{question}");
    }
    let of_alice = LogSearch { user: Some(alice), ..LogSearch::default() };
    assert_eq!(asked(&of_alice).await, [6, 4, 2]);
    let fields = ["type", "log_id", "date", "client_id", "description"];
    for field in fields.map(|name| LogField::sortable(name).unwrap()) {
        let search = LogSearch { sort: field, is_descending: false, ..LogSearch::default() };
        assert_eq!(asked(&search).await, [1, 2, 3, 4, 5, 6]);
    }
    let by_user = LogField::sortable("user_id").unwrap();
    let search = LogSearch { sort: by_user, is_descending: true, ..LogSearch::default() };
    assert_eq!(asked(&search).await, [6, 4, 2, 5, 3, 1]);
}

#[tokio::test]
async fn a_taken_id_overtakes_a_write_and_lets_others_be() {
    let place = Place::new();
    drop(place.open().await);
    let faults = Faults::new();
    let database = Database::open_with_faults(&place.options, faults.clone()).await.unwrap();
    faults.take_log_ids(1);
    assert_eq!(database.run(insert("other", 1)).await, Ok(Written::Done));
    let told = || log_events::append(Write::new(), &tenant(), &event(7));
    assert_eq!(database.run(told()).await, Ok(Written::Overtaken));
    assert_eq!(database.run(told()).await, Ok(Written::Done));
    assert_eq!(database.run(told()).await, Ok(Written::Overtaken), "taken in earnest");
}

#[tokio::test]
async fn entries_are_counted_by_day_and_by_person() {
    const DAY_MS: i64 = 86_400_000;
    let place = Place::new();
    let database = place.open().await;
    filled(&database, 6).await;
    let day = NOW.ms() / DAY_MS;
    let span = (Timestamp::from_ms(day * DAY_MS), Timestamp::from_ms((day + 2) * DAY_MS));
    let kind = "ciba_start_succeeded";
    let counted = log_search::per_day(&database, &tenant(), kind, span).await;
    assert_eq!(counted, Ok(vec![(day, 6)]));
    let none = log_search::per_day(&database, &tenant(), "other", span).await;
    assert_eq!(none, Ok(Vec::new()));
    assert_eq!(log_search::people(&database, &tenant(), kind, NOW).await, Ok(1));
    let later = NOW.plus_ms(7);
    assert_eq!(log_search::people(&database, &tenant(), kind, later).await, Ok(0));
}
