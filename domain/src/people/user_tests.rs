//! What becomes of an administrator's words about a user.

use serde_json::{Value, json};

use super::{Fields, SEARCH, User};
use crate::Timestamp;
use crate::shape::Object;

const NOW: Timestamp = Timestamp::from_ms(1_795_409_778_000);
const LATER: Timestamp = Timestamp::from_ms(1_795_409_779_000);
const NEW_ID: &str = "0123456789abcdef01234567";

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

fn created(body: Value) -> User {
    User::created(&object(body), NEW_ID, NOW).unwrap()
}

fn refused(body: Value) -> String {
    User::created(&object(body), NEW_ID, NOW).unwrap_err().message
}

fn alice() -> User {
    created(json!({"connection": "db", "email": "Alice@Example.com", "password": "s3cret"}))
}

#[test]
fn a_new_user_has_the_members_of_a_recorded_one() {
    let shown = alice().to_json(&Fields::All);
    assert_eq!(
        shown,
        json!({
            "created_at": "2026-11-23T04:56:18.000Z",
            "updated_at": "2026-11-23T04:56:18.000Z",
            "email": "alice@example.com",
            "email_verified": false,
            "identities": [{
                "connection": "db", "user_id": NEW_ID, "provider": "auth0", "isSocial": false,
            }],
            "name": "alice@example.com",
            "nickname": "alice",
            "picture": shown["picture"],
            "user_id": format!("auth0|{NEW_ID}"),
        })
    );
    assert!(shown["picture"].as_str().unwrap().starts_with("https://s.gravatar.com/avatar/"));
}

#[test]
fn a_password_is_taken_and_never_kept() {
    let user = alice();
    assert!(!user.to_stored().contains("s3cret"));
    assert!(!user.to_stored().contains("password"));
    let patched = user.patched(&object(json!({"password": "s3cret"})), LATER).unwrap();
    assert!(!patched.to_stored().contains("s3cret"));
}

#[test]
fn an_identity_of_another_connection_gives_the_user_id_its_prefix() {
    let google = created(json!({"connection": "google-oauth2", "user_id": "123"}));
    assert_eq!(google.id().as_str(), "google-oauth2|123");
    assert_eq!(google.member("identities").unwrap()[0]["isSocial"], true);
    let saml = created(json!({"connection": "corp", "provider": "samlp", "user_id": "al"}));
    assert_eq!(saml.id().as_str(), "samlp|corp|al");
    assert_eq!(saml.member("identities").unwrap()[0]["isSocial"], false);
    let own = created(json!({"connection": "db", "user_id": "alice"}));
    assert_eq!(own.id().as_str(), "auth0|alice");
    let identity = &own.identities()[0];
    assert_eq!((identity.connection.as_str(), identity.id.as_str()), ("db", "alice"));
}

#[test]
fn a_body_without_what_it_needs_is_refused_with_the_name_of_the_member() {
    assert!(refused(json!({"email": "a@b.c"})).contains("connection"));
    assert!(refused(json!({"connection": null, "email": "a@b.c"})).contains("connection"));
    assert!(refused(json!({"connection": "db"})).contains("email"));
    assert!(refused(json!({"connection": "db", "email": "alice"})).contains("format email: alice"));
    assert!(refused(json!({"connection": "db", "email": 7})).contains("property email"));
    assert!(refused(json!({"connection": "db", "email": "a b@c.d"})).contains("email"));
    assert!(refused(json!({"connection": "db", "user_id": "a b"})).contains("user_id"));
    assert!(
        refused(json!({"connection": "db", "user_id": "a", "blocked": "yes"})).contains("blocked")
    );
    let long = "x".repeat(301);
    assert!(refused(json!({"connection": "db", "user_id": "a", "name": long})).contains("300"));
}

#[test]
fn unknown_members_are_ignored_and_known_ones_kept() {
    let user = created(json!({
        "connection": "db", "email": "a@b.c", "phone_number": "+81312345678", "surprise": 1,
    }));
    assert_eq!(user.member("phone_number").unwrap(), "+81312345678");
    assert!(user.member("surprise").is_none());
}

/// W221: metadata merge at the first level, null removes a key.
#[test]
fn metadata_merge_at_the_first_level_and_null_removes_a_key() {
    let user = created(json!({
        "connection": "db", "email": "a@b.c",
        "user_metadata": {"team": "a", "deep": {"x": 1, "y": 2}, "gone": 1},
    }));
    let change = json!({"user_metadata": {"deep": {"x": 9}, "gone": null, "new": true}});
    let user = user.patched(&object(change), LATER).unwrap();
    assert_eq!(
        user.member("user_metadata").unwrap(),
        &json!({"team": "a", "deep": {"x": 9}, "new": true})
    );
    assert_eq!(user.member("updated_at").unwrap(), "2026-11-23T04:56:19.000Z");
    let user = user.patched(&object(json!({"user_metadata": null})), LATER).unwrap();
    assert!(user.member("user_metadata").is_none());
}

#[test]
fn a_changed_address_is_lower_cased_and_no_longer_verified() {
    let user = created(json!({"connection": "db", "email": "a@b.c", "email_verified": true}));
    assert!(user.is_email_verified());
    let same = user.patched(&object(json!({"email": "A@b.c"})), LATER).unwrap();
    assert!(same.is_email_verified());
    let other = user.patched(&object(json!({"email": "New@b.c"})), LATER).unwrap();
    assert_eq!(other.email(), Some("new@b.c"));
    assert!(!other.is_email_verified());
    assert_eq!(other.identities()[0].email.as_deref(), Some("new@b.c"));
    assert_eq!(other.id(), user.id());
}

#[test]
fn a_change_cannot_move_a_user_to_another_id_or_another_birthday() {
    let change = json!({"user_id": "x", "created_at": "1970", "identities": [], "blocked": true});
    let user = alice().patched(&object(change), LATER).unwrap();
    assert_eq!(user.id(), alice().id());
    assert_eq!(user.member("created_at"), alice().member("created_at"));
    assert_eq!(user.member("identities"), alice().member("identities"));
    assert!(user.is_blocked());
}

#[test]
fn metadata_that_grow_by_merging_meet_the_limit() {
    let half = "x".repeat(20_000);
    let body = json!({"connection": "db", "email": "a@b.c", "user_metadata": {"a": half}});
    let user = created(body);
    let refused = user.patched(&object(json!({"user_metadata": {"b": half}})), LATER).unwrap_err();
    assert!(refused.message.contains("maximum 32768"), "{refused}");
}

#[test]
fn what_is_stored_is_what_is_read_and_the_search_words_never_show() {
    let user = created(json!({
        "connection": "db", "email": "alice@Example.com", "name": "Élodie",
    }));
    let stored = user.to_stored();
    let search = serde_json::from_str::<Value>(&stored).unwrap()[SEARCH].clone();
    assert_eq!(search["name"], "élodie");
    assert_eq!(search["domain"], "example.com");
    let read = User::from_stored(&stored).unwrap();
    assert_eq!(read, user);
    assert!(read.to_json(&Fields::All).get(SEARCH).is_none());
    assert_eq!(User::from_stored("[]"), None);
    assert_eq!(User::from_stored("{}"), None);
}

/// W241: `fields` shows only these, with `include_fields=false` all but these.
#[test]
fn fields_choose_what_is_shown() {
    let user = created(json!({
        "connection": "db", "email": "a@b.c", "user_metadata": {"team": "a", "x": 1},
    }));
    let only = user.to_json(&Fields::new("user_id, email", true));
    assert_eq!(only, json!({"user_id": user.id().as_str(), "email": "a@b.c"}));
    let one = user.to_json(&Fields::new("user_metadata.team", true));
    assert_eq!(one, json!({"user_metadata": {"team": "a"}}));
    let but = user.to_json(&Fields::new("identities,user_metadata.team", false));
    assert!(but.get("identities").is_none());
    assert_eq!(but["user_metadata"], json!({"x": 1}));
    assert_eq!(user.to_json(&Fields::new("", false)), user.to_json(&Fields::All));
}
