//! W171 to W178: `authorization_details` and the API.

use crate::*;

const PAY: &str = r#"[{"type":"pay","amount":5}]"#;

fn details(text: &str) -> Start {
    start().api(json!({})).with("authorization_details", text)
}

/// W171: details whose types the API has registered are kept.
#[test]
fn registered_types_are_accepted() {
    assert_eq!(details(PAY).asked().unwrap().details.as_deref(), Some(PAY));
}

/// W176: a type that the API has not registered.
#[test]
fn an_unregistered_type_is_refused() {
    assert_eq!(
        details(r#"[{"type":"pay"},{"type":"fly"}]"#).told(),
        "400 invalid_authorization_details authorization_details[1]: type \"fly\" is not \
         registered for this API"
    );
}

/// W177: types belong to an API.
#[test]
fn details_need_an_audience() {
    let told = start().with("authorization_details", PAY).told();
    assert!(told.starts_with("400 invalid_authorization_details "), "{told}");
}

/// W178: which types a client may use is the API's policy.
#[test]
fn the_policy_of_the_api_bounds_the_types() {
    let api = |policy: &str| {
        json!({"authorization_details": [{"type": "pay"}, {"type": "fly"}],
        "subject_type_authorization": {"user": {"policy": policy}}})
    };
    let with = |policy: &str, text: &str| {
        start().api(api(policy)).grant(&[], &["pay"]).with("authorization_details", text).told()
    };
    assert_eq!(with("allow_all", r#"[{"type":"fly"}]"#), "200");
    assert_eq!(with("require_client_grant", PAY), "200");
    let told = with("require_client_grant", r#"[{"type":"fly"}]"#);
    assert!(told.starts_with("400 invalid_authorization_details "), "{told}");
    assert!(with("deny_all", PAY).starts_with("403 access_denied Client is not authorized"));
}
