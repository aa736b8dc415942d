//! W53 to W72: what is taken, and as what.

use crate::*;

/// W53, W54, W55: the life of a request.
#[test]
fn the_life_of_a_request() {
    let lives = |start: Start| start.asked().unwrap().expires_in_s;
    assert_eq!(lives(start()), 300);
    assert_eq!(lives(start().with("requested_expiry", "")), 300);
    assert_eq!(lives(start().with("requested_expiry", "1")), 1);
    assert_eq!(lives(start().with("requested_expiry", "300")), 300);
    assert_eq!(lives(start().client("max_requested_expiry", json!(60))), 60);
}

/// W56: up to 72 hours where the client may.
#[test]
fn three_days_where_the_client_may() {
    let start = start().client("max_requested_expiry", json!(259_200));
    let asked = start.with("requested_expiry", "259200").asked().unwrap();
    assert_eq!(asked.expires_in_s, 259_200);
}

/// W58: the wrong name stands in for the right one, in `auth0` only.
#[test]
fn request_expiry_is_an_alias_in_auth0() {
    let lives = |start: Start| start.asked().unwrap().expires_in_s;
    assert_eq!(lives(start().with("request_expiry", "120")), 120);
    let both = start().with("request_expiry", "120").with("requested_expiry", "60");
    assert_eq!(lives(both), 60);
    for profile in [Profile::Ciba, Profile::FapiCiba] {
        assert_eq!(lives(start().profile(profile).with("request_expiry", "120")), 300);
    }
}

/// W59: the wrong name can never cause an error.
#[test]
fn a_bad_request_expiry_is_ignored() {
    for value in ["0", "abc", "301", "-1", &"9".repeat(9000)] {
        let asked = start().with("request_expiry", value).asked().unwrap();
        assert_eq!(asked.expires_in_s, 300);
    }
}

/// W60, W61, W62: binding messages that are taken, unchanged.
#[test]
fn binding_messages_are_kept_as_they_are() {
    let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    for message in [all, "_.,:#", "Confirm payment of 2500", " 1 "] {
        let asked = start().with("binding_message", message).asked().unwrap();
        assert_eq!(asked.binding_message.as_deref(), Some(message));
    }
    assert_eq!(all.len(), 64);
}

/// W67: `offline_access` on an API that forbids it is dropped and no error.
#[test]
fn forbidden_offline_access_is_dropped() {
    let start = start().api(json!({"allow_offline_access": false}));
    let asked = start.with("scope", "openid profile email offline_access").asked().unwrap();
    assert_eq!(asked.scope.to_string(), "openid profile email");
}

/// W68: without audience the person is shown `/userinfo`.
#[test]
fn without_audience_it_is_userinfo() {
    let asked = start().asked().unwrap();
    assert_eq!(
        (asked.audience.as_deref(), asked.shown_audience().as_str()),
        (None, "https://t/userinfo")
    );
    let asked = start().api(json!({})).asked().unwrap();
    assert_eq!(asked.shown_audience(), "https://a/");
}

/// W69: an empty audience is none.
#[test]
fn an_empty_audience_is_none() {
    assert_eq!(start().with("audience", "").asked().unwrap().audience, None);
}

/// W70: the text `None` is no audience, unless an API is called so or the tenant is strict.
#[test]
fn the_text_none_is_no_audience() {
    let none = || start().with("audience", "None");
    assert_eq!(none().asked().unwrap().audience, None);
    let mut strict = none();
    strict.lenient_none = false;
    assert_eq!(strict.told(), "403 access_denied Service not found: None");
    let called = start().api(json!({"identifier": "None"})).with("audience", "None");
    assert_eq!(called.asked().unwrap().audience.as_deref(), Some("None"));
    let other = none().profile(Profile::Ciba);
    assert_eq!(other.told(), "400 invalid_target Service not found: None");
}

/// W71: `resource` counts with the compatibility setting, and `audience` beside it wins.
#[test]
fn resource_counts_only_where_the_tenant_says_so() {
    let named = |compatible: bool, start: Start| {
        let start = Start { compatible, ..start };
        start.asked().unwrap().audience
    };
    let resource = || start().api(json!({})).without("audience").with("resource", "https://a/");
    assert_eq!(named(false, resource()), None);
    assert_eq!(named(true, resource()).as_deref(), Some("https://a/"));
    let both = start().api(json!({})).with("resource", "https://other/");
    assert_eq!(named(true, both).as_deref(), Some("https://a/"));
    assert_eq!(named(false, resource().profile(Profile::Ciba)).as_deref(), Some("https://a/"));
}

/// W72: an unknown parameter is ignored.
#[test]
fn an_unknown_parameter_is_ignored() {
    assert_eq!(start().with("unheard_of", "x").told(), "200");
}

/// W170: the very `sub` of the hint is kept.
#[test]
fn the_subject_is_kept_as_it_was_sent() {
    assert_eq!(start().asked().unwrap().user_id.as_str(), "auth0|1");
}
