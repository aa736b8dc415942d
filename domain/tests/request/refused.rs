//! W79 to W108: what is refused, in the order of the requirements.

use crate::*;

const EVERY_OTHER: [Profile; 2] = [Profile::Ciba, Profile::FapiCiba];

/// W79: a scope without `openid`.
#[test]
fn openid_must_be_asked() {
    let told = "400 invalid_request openid scope must be requested";
    assert_eq!(start().with("scope", "profile").told(), told);
    let other = start().profile(Profile::Ciba).with("scope", "profile");
    assert_eq!(other.told(), "400 invalid_scope openid scope must be requested");
}

/// W80: no scope at all, in every profile.
#[test]
fn a_scope_must_be_there() {
    for profile in Profile::ALL {
        for start in
            [start().without("scope"), start().with("scope", ""), start().with("scope", " ")]
        {
            let told = start.profile(profile).told();
            assert_eq!(told, "400 invalid_request openid scope must be requested");
        }
    }
}

/// W81: no binding message, an empty one, or spaces only.
#[test]
fn a_binding_message_must_be_there() {
    for start in [
        start().without("binding_message"),
        start().with("binding_message", ""),
        start().with("binding_message", "   "),
    ] {
        assert_eq!(start.told(), "400 invalid_request binding_message is required");
    }
    assert_eq!(start().profile(Profile::Ciba).without("binding_message").told(), "200");
    let required = start().profile(Profile::Ciba).client("binding_message_required", json!(true));
    assert_eq!(
        required.without("binding_message").told(),
        "400 invalid_request binding_message is required"
    );
}

/// W82: characters that Auth0 does not take, and the log says which one.
#[test]
fn characters_outside_the_list_are_refused() {
    for c in ["$", "?", "!", "é", "日", "😀", "\t", "\r", "\n", "\u{a0}", "\"", "/"] {
        assert_eq!(
            start().with("binding_message", format!("ab{c}")).told(),
            "400 invalid_request binding_message can contain only alphanumerics, whitespace \
             and `+-_.,:#` characters",
            "{c:?}"
        );
    }
    let refusal = start().with("binding_message", "ab$").asked().unwrap_err();
    assert_eq!(refusal.note.unwrap(), "character 3 of binding_message is U+0024");
}

/// W83: sixty-five characters.
#[test]
fn sixty_five_characters_are_too_many() {
    for length in [65, 20_000] {
        assert_eq!(
            start().with("binding_message", "a".repeat(length)).told(),
            "400 invalid_request binding_message must not exceed 64 characters"
        );
    }
}

/// W84: another code in the other profiles.
#[test]
fn other_profiles_have_a_code_of_their_own_for_it() {
    for profile in EVERY_OTHER {
        for message in ["a".repeat(65), "😀".into(), "a\u{7}".into(), "\u{202e}b".into()] {
            let told = start().profile(profile).with("binding_message", message).told();
            assert!(told.starts_with("400 invalid_binding_message "), "{told}");
        }
        assert_eq!(start().profile(profile).with("binding_message", "Pay $5?").told(), "200");
    }
}

/// W85: no hint, or an empty one.
#[test]
fn a_hint_must_be_there() {
    for start in [start().without("login_hint"), start().with("login_hint", "")] {
        assert_eq!(start.told(), "400 invalid_request login_hint is required");
    }
}

/// W90: no such user, in every profile.
#[test]
fn an_unknown_user() {
    for profile in Profile::ALL {
        let told = start().profile(profile).user(None).told();
        assert_eq!(told, "400 unknown_user_id User ID is malformed or unknown");
    }
}

fn user(blocked: bool, devices: usize, pending: bool) -> UserFacts<'static> {
    UserFacts {
        is_blocked: blocked,
        push_devices: devices,
        has_pending_enrollment: pending,
        permissions: &[],
    }
}

/// W91: a blocked user.
#[test]
fn a_blocked_user() {
    let blocked = || start().user(user(true, 1, false));
    assert_eq!(blocked().told(), "403 access_denied user is blocked");
    let other = blocked().profile(Profile::Ciba);
    assert_eq!(other.told(), "400 unknown_user_id User ID is malformed or unknown");
}

const NO_PUSH: &str = "400 invalid_request No eligible notification channels were found. \
    guardian-push: User does not have push notifications set up";

/// W92: a user without a device.
#[test]
fn a_user_without_a_device() {
    let start = || start().user(user(false, 0, false));
    assert_eq!(start().told(), NO_PUSH);
    assert_eq!(start().asked().unwrap_err().note, None);
    let told = start().profile(Profile::Ciba).told();
    assert!(told.starts_with("400 unknown_user_id No eligible"), "{told}");
}

/// W93: an enrollment that is not confirmed does not count, and the log says that it is there.
#[test]
fn a_pending_enrollment_does_not_count() {
    let start = start().user(user(false, 0, true));
    assert_eq!(start.told(), NO_PUSH);
    assert!(start.asked().unwrap_err().note.unwrap().contains("pending"));
}

/// W94: the push factor is off.
#[test]
fn the_push_factor_is_off() {
    let mut start = start();
    start.push = false;
    assert_eq!(
        start.told(),
        "400 invalid_request No eligible notification channels were found. guardian-push: \
         Push notifications not enabled on tenant"
    );
}

/// W95: a client without channels.
#[test]
fn a_client_without_channels() {
    assert_eq!(
        start().client("async_approval_notification_channels", json!([])).told(),
        "400 invalid_request No eligible notification channels were found."
    );
}

/// W96: what is no positive integer.
#[test]
fn an_expiry_must_be_a_positive_integer() {
    for value in ["0", "-5", "1.5", "5m", "1e2", "+5", " 5", "0x5", "٥"] {
        for profile in Profile::ALL {
            assert_eq!(
                start().profile(profile).with("requested_expiry", value).told(),
                "400 invalid_request requested_expiry must be an integer between 1 and 300",
                "{value}"
            );
        }
    }
    let long = start().client("max_requested_expiry", json!(60)).with("requested_expiry", "0");
    assert!(long.told().ends_with("between 1 and 60"));
}

/// W97: longer than the client may: refused in `auth0`, lowered elsewhere.
#[test]
fn an_expiry_above_the_maximum() {
    for value in ["301", "99999999999999999999999"] {
        assert_eq!(
            start().with("requested_expiry", value).told(),
            "400 invalid_request requested_expiry must be an integer between 1 and 300"
        );
        for profile in EVERY_OTHER {
            let asked = start().profile(profile).with("requested_expiry", value).asked();
            assert_eq!(asked.unwrap().expires_in_s, 300);
        }
    }
}

/// W98: an audience that is no API.
#[test]
fn an_unknown_audience() {
    let start = || start().with("audience", "https://no/");
    assert_eq!(start().told(), "403 access_denied Service not found: https://no/");
    let told = start().profile(Profile::FapiCiba).told();
    assert_eq!(told, "400 invalid_target Service not found: https://no/");
}

/// W99: the Management API, whatever exists.
#[test]
fn the_management_api_is_never_an_audience() {
    let audience = "https://t/api/v2/";
    let start = start().api(json!({"identifier": audience})).with("audience", audience);
    assert_eq!(
        start.grant(&[], &[]).told(),
        "403 access_denied Client is not authorized to access \"https://t/api/v2/\"."
    );
}

/// W100: the API lets nobody in, or only with a grant.
#[test]
fn an_api_that_does_not_let_the_client_in() {
    let text = "Client is not authorized to access \"https://a/\". You need to create a \
        \"client-grant\" associated to this API.";
    for policy in ["deny_all", "require_client_grant"] {
        let api = json!({"subject_type_authorization": {"user": {"policy": policy}}});
        assert_eq!(start().api(api.clone()).told(), format!("403 access_denied {text}"));
        let told = start().api(api).profile(Profile::Ciba).told();
        assert_eq!(told, format!("400 unauthorized_client {}", text.replace('"', "'")));
    }
    let api = json!({"subject_type_authorization": {"user": {"policy": "require_client_grant"}}});
    let start = start().api(api).grant(&["x"], &[]).with("scope", "openid x y");
    assert_eq!(start.asked().unwrap().scope.to_string(), "openid x");
}

/// W101: a consent policy that CIBA does not work with.
#[test]
fn transactional_authorization_with_mfa() {
    let api = json!({"consent_policy": "transactional-authorization-with-mfa"});
    assert_eq!(
        start().api(api).told(),
        "400 invalid_request The consent policy transactional-authorization-with-mfa is not \
         supported for CIBA"
    );
    assert_eq!(start().api(json!({"consent_policy": "standard"})).told(), "200");
}

/// W102: the client lacks the grant.
#[test]
fn a_client_without_the_grant() {
    let start = || start().client("grant_types", json!(["refresh_token"]));
    let text = "Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.";
    assert_eq!(start().told(), format!("403 unauthorized_client {text}"));
    assert_eq!(start().profile(Profile::Ciba).told(), format!("400 unauthorized_client {text}"));
    let refusal = start().asked().unwrap_err();
    assert_eq!(
        refusal.reason.error_uri(Profile::Auth0),
        Some("https://auth0.com/docs/clients/client-grant-types")
    );
    assert_eq!(refusal.reason.error_uri(Profile::Ciba), None);
}

/// W104: any parameter twice; `resource` may repeat elsewhere, where each one must exist.
#[test]
fn any_parameter_twice() {
    for name in ["scope", "login_hint", "unheard_of"] {
        let start = start().with(name, "x").twice(name);
        assert_eq!(start.told(), format!("400 invalid_request Duplicate parameter: {name}"));
    }
    let twice = |profile| start().profile(profile).with("resource", "a").twice("resource").told();
    assert_eq!(twice(Profile::Auth0), "400 invalid_request Duplicate parameter: resource");
    assert_eq!(twice(Profile::Ciba), "400 invalid_target Service not found: a");
}

/// W107: another hint instead of `login_hint`, and beside it.
#[test]
fn other_hints() {
    for name in ["id_token_hint", "login_hint_token"] {
        let instead = start().without("login_hint").with(name, "x");
        assert_eq!(instead.told(), "400 invalid_request login_hint is required");
        assert_eq!(start().with(name, "x").told(), "200");
        let told = start().profile(Profile::Ciba).with(name, "x").told();
        assert!(told.starts_with("400 invalid_request Only one of"), "{told}");
    }
}

/// W108: of several faults the first in the order answers.
#[test]
fn the_first_fault_in_the_order_answers() {
    type Fault = fn(Start) -> Start;
    let faults: [(Fault, &str); 10] = [
        (|s| s.client("grant_types", json!([])), "unauthorized_client"),
        (|s| s.twice("unheard_of").twice("unheard_of"), "Duplicate parameter"),
        (|s| s.with("login_hint", "x"), "login_hint parameter"),
        (|s| s.with("binding_message", "$"), "binding_message can"),
        (|s| s.with("scope", "profile"), "openid scope"),
        (|s| s.with("requested_expiry", "0"), "requested_expiry must"),
        (|s| s.with("audience", "https://no/"), "Service not found"),
        (|s| s.with("authorization_details", "["), "authorization_details"),
        (|s| s.user(None), "unknown_user_id"),
        (|s| s.client("async_approval_notification_channels", json!([])), "No eligible"),
    ];
    for (first, (fault, expected)) in faults.iter().enumerate() {
        for (later, _) in faults.iter().skip(first + 1) {
            let told = later(fault(start())).told();
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert!(fault(start()).told().contains(expected), "{expected}");
    }
}
