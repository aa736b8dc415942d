//! W148 to W152: what can be granted.

use crate::*;

fn granted(start: &Start) -> String {
    start.asked().unwrap().scope.to_string()
}

/// W148: `offline_access` is granted where API and client allow it, and without any API.
#[test]
fn offline_access_is_granted_where_all_allow_it() {
    assert_eq!(granted(&start().with("scope", "openid offline_access")), "openid offline_access");
    let start = start().api(json!({})).with("scope", "openid offline_access");
    assert_eq!(granted(&start), "openid offline_access");
}

/// W149: where one of the three is missing it is dropped without error.
#[test]
fn offline_access_is_dropped_otherwise() {
    let asks = || start().api(json!({})).with("scope", "openid offline_access");
    assert_eq!(granted(&asks().client("grant_types", json!([CIBA_GRANT]))), "openid");
    let forbids = start().api(json!({"allow_offline_access": false}));
    assert_eq!(granted(&forbids.with("scope", "openid offline_access")), "openid");
    assert_eq!(granted(&asks().with("scope", "openid")), "openid");
}

/// W151: where policies are enforced the person's permissions bound the scope.
#[test]
fn permissions_bound_the_scope() {
    let asks = |enforced: bool| {
        start().api(json!({ "enforce_policies": enforced })).with("scope", "openid x profile y")
    };
    let with_x = UserFacts {
        is_blocked: false,
        push_devices: 1,
        has_pending_enrollment: false,
        permissions: Box::leak(Box::new(["x".to_owned()])),
    };
    assert_eq!(granted(&asks(true).user(with_x)), "openid x profile");
    assert_eq!(granted(&asks(true)), "openid profile");
    assert_eq!(granted(&asks(false)), "openid x profile y");
}

/// W152: a scope the API does not define is dropped in `auth0` and refused elsewhere.
#[test]
fn an_unknown_scope() {
    let asks = || start().api(json!({})).with("scope", "openid x z");
    assert_eq!(granted(&asks()), "openid x");
    assert_eq!(asks().profile(Profile::Ciba).told(), "400 invalid_scope Unknown scope: z");
    assert_eq!(granted(&start().with("scope", "openid x")), "openid");
}
