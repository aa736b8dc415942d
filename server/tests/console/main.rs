//! The O lines of the console (O220 to O240), as a browser without programs sees it. What needs a
//! real one is in `tests/browser`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "an answer of another shape fails the test that reads it"
)]

mod input;
mod passkeys;
mod sign_in;
mod tenants;
mod user;
mod users;

use serde_json::Value;
use testkit::{Answer, World, unescaped};

/// The page of a person.
fn page_of(world: &World, person: &str) -> String {
    format!("/console/users/{}", testkit::encoded(world.user_id(person).as_str()))
}

/// The newest entry of the log of this type.
async fn told(world: &World, kind: &str) -> Value {
    let page = store::log_events::LogPage { offset: 0, limit: 100, newest_first: true };
    let app = world.app();
    let events = store::log_events::list(&app.database, world.tenant_id(), page).await.unwrap();
    let found = events.into_iter().find(|event| event.kind == kind);
    found.unwrap_or_else(|| panic!("no {kind} in the log")).document
}

/// What a page says, without its tags.
fn text(page: &Answer) -> String {
    let html = page.text();
    let words = html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    let all = words.collect::<Vec<_>>().join(" ");
    unescaped(&all).split_whitespace().collect::<Vec<_>>().join(" ")
}
