//! Documents of clients, APIs and client grants: what may be written, what stands there otherwise,
//! and what the protocol reads out of it.

#![expect(clippy::unwrap_used, reason = "what tests share may panic like they do")]

use domain::ClientId;
use domain::ciba::profile::Profile;
use domain::oauth::client::{Authentication, CIBA_GRANT, Channel, Client};
use domain::oauth::client_document::{ClientRules, created, patched};
use domain::oauth::grant::{ClientGrant, SubjectType};
use domain::oauth::refusal::Reason;
use domain::oauth::{api, grant};
use serde_json::{Value, json};

const RULES: ClientRules<'_> = ClientRules {
    default_profile: Profile::Auth0,
    profiles: &[Profile::Auth0],
    refuses_secrets: false,
};

fn made(body: &Value) -> Value {
    created(body, &ClientId::new("c1"), &RULES).unwrap()
}

fn refused(body: &Value) -> String {
    created(body, &ClientId::new("c1"), &RULES).unwrap_err().message
}

/// W263: the defaults of a new client.
#[test]
fn a_new_client_has_the_defaults_of_auth0() {
    let document = made(&json!({"name": "Bank"}));
    assert_eq!(document["oidc_conformant"], false);
    assert_eq!(document["is_first_party"], true);
    assert_eq!(
        document["grant_types"],
        json!(["authorization_code", "implicit", "refresh_token", "client_credentials"])
    );
    assert_eq!(document["profile"], "auth0");
    assert_eq!(document["client_id"], "c1");
    assert_eq!(Client::from_document(&document).unwrap().id_token_lifetime_s, 36_000);
}

/// W180: without `async_approval_notification_channels` the answer shows the default.
#[test]
fn the_default_channel_is_shown() {
    let document = made(&json!({"name": "Bank"}));
    assert_eq!(document["async_approval_notification_channels"], json!(["guardian-push"]));
}

/// W181: `null` brings the default back.
#[test]
fn null_brings_the_default_channel_back() {
    let all = json!(["my-account", "email", "guardian-push"]);
    let document = made(&json!({"name": "Bank", "async_approval_notification_channels": all}));
    let body = json!({"async_approval_notification_channels": null});
    let document = patched(&document, &body, &RULES).unwrap();
    assert_eq!(document["async_approval_notification_channels"], json!(["guardian-push"]));
}

/// W182: three channels in any order, and no other.
#[test]
fn channels_are_out_of_three_in_any_order() {
    let with =
        |channels: Value| json!({"name": "n", "async_approval_notification_channels": channels});
    let document = made(&with(json!(["my-account", "email", "guardian-push"])));
    assert_eq!(
        Client::from_document(&document).unwrap().channels,
        [Channel::MyAccount, Channel::Email, Channel::GuardianPush]
    );
    assert_eq!(Client::from_document(&made(&with(json!([])))).unwrap().channels, []);
    assert_eq!(
        refused(&with(json!(["sms"]))),
        "Payload validation error: async_approval_notification_channels must be a list out of \
         guardian-push, email, my-account"
    );
}

/// W57: a client's maximum lies between 1 and 259200.
#[test]
fn the_maximum_of_the_expiry_is_bounded() {
    let with = |maximum: Value| json!({"name": "n", "max_requested_expiry": maximum});
    for bad in [json!(0), json!(259_201), json!("300"), json!(1.5)] {
        assert_eq!(
            refused(&with(bad)),
            "Payload validation error: max_requested_expiry must be an integer between 1 and 259200"
        );
    }
    let client = Client::from_document(&made(&with(json!(259_200)))).unwrap();
    assert_eq!(client.max_requested_expiry_s, 259_200);
    assert_eq!(
        Client::from_document(&made(&json!({"name": "n"}))).unwrap().max_requested_expiry_s,
        300
    );
}

/// W265: the grant and conformance make a client that may use CIBA.
#[test]
fn a_client_becomes_one_that_may_use_ciba() {
    let document = made(&json!({"name": "Bank"}));
    let client = Client::from_document(&document).unwrap();
    assert_eq!(client.may_use_ciba().unwrap_err().reason, Reason::GrantNotAllowed);
    let body = json!({"grant_types": ["refresh_token", CIBA_GRANT], "oidc_conformant": true});
    let client = Client::from_document(&patched(&document, &body, &RULES).unwrap()).unwrap();
    assert!(client.may_use_ciba().is_ok());
    assert!(client.may_use("refresh_token").is_ok());
    assert_eq!(
        client.may_use("client_credentials").unwrap_err().to_string(),
        "Grant type 'client_credentials' not allowed for the client."
    );
}

/// W103: third-party, not conformant or public: the answer of W102.
#[test]
fn third_party_and_public_clients_may_not_use_ciba() {
    let good = json!({"name": "n", "oidc_conformant": true, "grant_types": [CIBA_GRANT]});
    for (member, value) in [
        ("is_first_party", json!(false)),
        ("oidc_conformant", json!(false)),
        ("token_endpoint_auth_method", json!("none")),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refusal = Client::from_document(&made(&body)).unwrap().may_use_ciba().unwrap_err();
        assert_eq!(
            refusal.body(Profile::Auth0).to_string(),
            r#"{"error":"unauthorized_client","error_description":"Grant type 'urn:openid:params:grant-type:ciba' not allowed for the client.","error_uri":"https://auth0.com/docs/clients/client-grant-types"}"#,
            "{member}"
        );
    }
}

/// W267: one method with credentials takes the place of `token_endpoint_auth_method`.
#[test]
fn authentication_methods_exclude_the_method_of_secrets() {
    let methods = json!({"private_key_jwt": {"credentials": [{"id": "cred_1"}, {"id": "cred_2"}]}});
    let document = made(&json!({"name": "n", "client_authentication_methods": methods}));
    assert_eq!(document["token_endpoint_auth_method"], Value::Null);
    assert_eq!(document["client_authentication_methods"], methods);
    assert_eq!(
        Client::from_document(&document).unwrap().authentication,
        Authentication::PrivateKeyJwt { credentials: vec!["cred_1".into(), "cred_2".into()] }
    );
    let both = json!({"name": "n", "client_authentication_methods": methods,
        "token_endpoint_auth_method": "client_secret_post"});
    assert!(refused(&both).contains("exclude each other"));
    let back = json!({"client_authentication_methods": null});
    let document = patched(&document, &back, &RULES).unwrap();
    assert_eq!(document["token_endpoint_auth_method"], "client_secret_post");
    assert_eq!(Client::from_document(&document).unwrap().authentication, Authentication::Secret);
}

#[test]
fn authentication_methods_of_another_shape_are_refused() {
    let three = json!([{"id": "1"}, {"id": "2"}, {"id": "3"}]);
    for methods in [
        json!({}),
        json!({"secret": {"credentials": [{"id": "1"}]}}),
        json!({"private_key_jwt": {"credentials": []}}),
        json!({"private_key_jwt": {"credentials": three}}),
        json!({"private_key_jwt": {"credentials": ["1"]}}),
        json!({"private_key_jwt": {"credentials": [{"id": "1"}]},
            "tls_client_auth": {"credentials": [{"id": "2"}]}}),
    ] {
        refused(&json!({"name": "n", "client_authentication_methods": methods}));
    }
}

/// W209: a body of the wrong shape is refused, a member that nobody knows is not.
#[test]
fn bodies_of_the_wrong_shape_are_refused() {
    assert!(refused(&json!([])).contains("JSON object"));
    assert!(refused(&json!({})).contains("name is required"));
    assert!(refused(&json!({"name": " "})).contains("name must be"));
    assert!(refused(&json!({"name": "n", "oidc_conformant": "yes"})).contains("true or false"));
    assert!(refused(&json!({"name": "n", "grant_types": "ciba"})).contains("grant_types"));
    let document = made(&json!({"name": "n", "what": 1, "callbacks": ["https://a"]}));
    assert_eq!(document.get("what"), None);
    assert_eq!(document["callbacks"], json!(["https://a"]));
}

/// W166: HS256 is refused for ID tokens, since nothing could sign with it (WD38).
#[test]
fn hs256_is_refused_for_id_tokens() {
    let with = |alg: &str| json!({"name": "n", "jwt_configuration": {"alg": alg}});
    assert!(
        refused(&with("HS256")).contains("jwt_configuration")
            || refused(&with("HS256")).contains("alg")
    );
    let client = Client::from_document(&made(&with("ES256"))).unwrap();
    assert_eq!(client.id_token_alg, "ES256");
    assert_eq!(client.id_token_lifetime_s, 36_000);
}

#[test]
fn a_profile_that_the_tenant_does_not_offer_is_refused() {
    assert!(refused(&json!({"name": "n", "profile": "ciba"})).contains("auth0"));
    let rules = ClientRules {
        default_profile: Profile::Ciba,
        profiles: &Profile::ALL,
        refuses_secrets: false,
    };
    let document = created(&json!({"name": "n"}), &ClientId::new("c"), &rules).unwrap();
    assert_eq!(Client::from_document(&document).unwrap().profile, Profile::Ciba);
}

#[test]
fn refresh_tokens_last_for_ever_unless_they_expire() {
    let read = |settings: Value| {
        let document = made(&json!({"name": "n", "refresh_token": settings}));
        Client::from_document(&document).unwrap().refresh_tokens
    };
    let lasting = read(json!({}));
    assert_eq!((lasting.rotate, lasting.lifetime_s, lasting.idle_lifetime_s), (false, None, None));
    let rotating = read(json!({"rotation_type": "rotating", "expiration_type": "expiring",
        "infinite_token_lifetime": false, "infinite_idle_token_lifetime": false,
        "token_lifetime": 1000, "leeway": 3}));
    assert_eq!((rotating.rotate, rotating.leeway_s), (true, 3));
    assert_eq!((rotating.lifetime_s, rotating.idle_lifetime_s), (Some(1000), Some(1_296_000)));
}

/// W272: the defaults of a new API.
#[test]
fn a_new_api_has_the_defaults_of_auth0() {
    let document = api::created(&json!({"identifier": "https://a/"}), "0123").unwrap();
    assert_eq!(document["token_lifetime"], 86_400);
    assert_eq!(document["signing_alg"], "RS256");
    assert_eq!(
        document["subject_type_authorization"],
        json!({"user": {"policy": "allow_all"}, "client": {"policy": "require_client_grant"}})
    );
}

/// W162: four algorithms, and HS256 is refused when it is set.
#[test]
fn an_api_signs_with_public_key_algorithms_only() {
    let with = |alg: &str| json!({"identifier": "a", "signing_alg": alg});
    for alg in ["RS256", "RS512", "PS256", "ES256"] {
        let document = api::created(&with(alg), "1").unwrap();
        assert_eq!(api::Api::from_document(&document).unwrap().signing_alg, alg);
    }
    let message = api::created(&with("HS256"), "1").unwrap_err();
    assert!(message.message.contains("HS256"), "{message}");
    assert!(
        api::patched(&api::created(&with("RS256"), "1").unwrap(), &json!({"signing_alg": "HS256"}))
            .is_err()
    );
}

#[test]
fn an_api_keeps_what_a_patch_does_not_name() {
    let body = json!({"identifier": "a", "scopes": [{"value": "read:x", "description": "d"}],
        "subject_type_authorization": {"user": {"policy": "deny_all"}}});
    let document = api::created(&body, "1").unwrap();
    let api = api::Api::from_document(&document).unwrap();
    assert!(api.has_scope("read:x"));
    assert_eq!(api.user_policy, api::AccessPolicy::DenyAll);
    assert_eq!(api.client_policy, api::AccessPolicy::RequireClientGrant);
    let body = json!({"token_lifetime": 60, "identifier": "b"});
    let api = api::Api::from_document(&api::patched(&document, &body).unwrap()).unwrap();
    assert_eq!((api.token_lifetime_s, api.identifier.as_str()), (60, "a"));
    assert!(api.has_scope("read:x"));
}

#[test]
fn scopes_of_an_api_are_words_and_come_once() {
    for scopes in [
        json!([{"value": "a b"}]),
        json!([{"value": ""}]),
        json!(["a"]),
        json!([{"value": "a"}, {"value": "b"}, {"value": "a"}]),
    ] {
        assert!(
            api::created(&json!({"identifier": "a", "scopes": scopes}), "1").is_err(),
            "{scopes}"
        );
    }
}

#[test]
fn a_client_grant_needs_client_and_audience() {
    let body =
        json!({"client_id": "c", "audience": "a", "scope": ["read:x"], "subject_type": "user"});
    let read = ClientGrant::from_document(&grant::created(&body, "cgr_1").unwrap()).unwrap();
    assert_eq!((read.id.as_str(), read.subject_type), ("cgr_1", SubjectType::User));
    assert!(read.scope.has("read:x"));
    assert!(grant::created(&json!({"client_id": "c"}), "1").is_err());
    assert!(
        grant::created(&json!({"client_id": "c", "audience": "a", "scope": "x"}), "1").is_err()
    );
    let document = grant::created(&json!({"client_id": "c", "audience": "a"}), "1").unwrap();
    assert_eq!(document["subject_type"], "client");
    let document = grant::patched(&document, &json!({"scope": ["b"], "audience": "z"})).unwrap();
    assert_eq!((&document["scope"], &document["audience"]), (&json!(["b"]), &json!("a")));
}
