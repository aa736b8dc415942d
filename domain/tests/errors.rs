//! The table of refusals holds together; that `docs/errors.md` says the same is a tidy test.

use std::collections::HashSet;

use domain::ciba::profile::Profile;
use domain::oauth::refusal::{Reason, Refusal};

#[test]
fn every_reason_has_an_endpoint_a_text_and_an_error_status() {
    let mut seen = HashSet::new();
    for reason in Reason::ALL {
        assert!(seen.insert(reason), "{reason:?} stands twice");
        assert!(!reason.endpoints().is_empty(), "{reason:?} can never be sent");
        for profile in Profile::ALL {
            let wire = reason.wire(profile);
            assert!((400..=599).contains(&wire.status), "{reason:?}");
            assert!(!reason.description(profile).is_empty(), "{reason:?}");
        }
    }
}

/// The table "Profiles": where the accents differ, they differ as it says.
#[test]
fn the_accents_differ_where_the_profiles_differ() {
    let cases = [
        (Reason::Undecided, "400 authorization_pending", "400 authorization_pending"),
        (Reason::TooFast, "429 slow_down", "400 slow_down"),
        (Reason::Denied, "400 access_denied", "400 access_denied"),
        (Reason::Late, "400 access_denied", "400 expired_token"),
        (Reason::UnknownRequest, "403 invalid_grant", "400 invalid_grant"),
        (Reason::BadCredentials, "401 access_denied", "401 invalid_client"),
        (Reason::GrantNotAllowed, "403 unauthorized_client", "400 unauthorized_client"),
        (Reason::PublicClient, "403 unauthorized_client", "401 invalid_client"),
        (Reason::UserLimit, "429 too_many_requests", "403 access_denied"),
        (Reason::RateLimit, "429 too_many_requests", "503 temporarily_unavailable"),
        (Reason::BindingMessageMissing, "400 invalid_request", "400 invalid_request"),
        (Reason::BadBindingMessage, "400 invalid_request", "400 invalid_binding_message"),
        (Reason::ScopeMissing, "400 invalid_request", "400 invalid_request"),
        (Reason::ScopeWithoutOpenid, "400 invalid_request", "400 invalid_scope"),
        (Reason::NoChannel, "400 invalid_request", "400 unknown_user_id"),
        (Reason::UserBlocked, "403 access_denied", "400 unknown_user_id"),
        (Reason::UnknownAudience, "403 access_denied", "400 invalid_target"),
        (Reason::AudienceNotGranted, "403 access_denied", "400 unauthorized_client"),
        (Reason::UnknownRefreshToken, "403 invalid_grant", "400 invalid_grant"),
    ];
    for (reason, auth0, others) in cases {
        let told = |profile| {
            let wire = reason.wire(profile);
            format!("{} {}", wire.status, wire.error)
        };
        assert_eq!(told(Profile::Auth0), auth0, "{reason:?}");
        assert_eq!(told(Profile::Ciba), others, "{reason:?}");
        assert_eq!(told(Profile::FapiCiba), others, "{reason:?}");
    }
}

#[test]
fn the_body_of_slow_down_tells_the_interval_in_auth0_only() {
    let refusal = Refusal::slow_down(10);
    assert_eq!(
        refusal.body(Profile::Auth0).to_string(),
        r#"{"error":"slow_down","error_description":"You are polling faster than allowed. Try again in 10 seconds.","interval":10}"#
    );
    assert_eq!(refusal.body(Profile::Ciba).get("interval"), None);
    assert_eq!(refusal.retry_after_s, Some(10));
}

#[test]
fn a_grant_that_is_not_allowed_points_to_the_documentation_in_auth0_only() {
    let refusal = Refusal::from(Reason::GrantNotAllowed);
    assert_eq!(
        refusal.body(Profile::Auth0).to_string(),
        r#"{"error":"unauthorized_client","error_description":"Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.","error_uri":"https://auth0.com/docs/clients/client-grant-types"}"#
    );
    assert_eq!(refusal.body(Profile::FapiCiba).as_object().unwrap().len(), 2);
}

#[test]
fn only_auth0_writes_quotation_marks_into_descriptions() {
    let refusal = Refusal::because(Reason::BadLoginHint, "\"format\" \\ é\n");
    assert_eq!(refusal.description(Profile::Auth0), "\"format\" \\ é\n");
    assert_eq!(refusal.description(Profile::Ciba), "'format' / ??");
}
