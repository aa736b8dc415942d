//! W156 to W170, W193 and W195: what stands in the tokens.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what tests share may panic like they do"
)]

use domain::oauth::api::{Api, created};
use domain::oauth::claims::{
    Access, Act, Bound, Draft, Identity, bind, id_token, machine_access_token, user_access_token,
    userinfo,
};
use domain::oauth::scope::Scope;
use domain::{ClientId, Timestamp, TransactionId, UserId};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_ms(1_800_000_000_500);

fn api(more: Value) -> Api {
    let mut body = more;
    body["identifier"] = json!("https://api/");
    Api::from_document(&created(&body, "1").unwrap()).unwrap()
}

fn access_claims(api: &Api, scope: &str, gty: Option<&'static str>) -> (String, Value) {
    let access = Access {
        issuer: "https://t/",
        api,
        client: &ClientId::new("c1"),
        scope: &Scope::parse(scope).unwrap(),
        now: NOW,
        jti: "j1",
    };
    let details = json!([{"type": "t"}]);
    let permissions = ["read:x".to_owned()];
    let user = UserId::new("auth0|1");
    let draft = user_access_token(&access, &user, gty, &permissions, Some(&details));
    (format!("{} {}", draft.typ, draft.alg), Value::Object(draft.claims))
}

/// W156, W157, W158: Auth0's own dialect.
#[test]
fn the_dialect_of_auth0() {
    let (header, claims) = access_claims(&api(json!({})), "openid read:x", None);
    assert_eq!(header, "JWT RS256");
    assert_eq!(
        claims,
        json!({"iss": "https://t/", "sub": "auth0|1", "aud": ["https://api/", "https://t/userinfo"],
            "azp": "c1", "iat": 1_800_000_000, "exp": 1_800_086_400, "scope": "openid read:x",
            "authorization_details": [{"type": "t"}]})
    );
}

/// W159: a CIBA exchange has no `gty` in either dialect.
#[test]
fn a_ciba_exchange_has_no_gty() {
    for dialect in ["access_token", "rfc9068_profile"] {
        let (_, claims) = access_claims(&api(json!({ "token_dialect": dialect })), "openid", None);
        assert_eq!(claims.get("gty"), None);
    }
    let refreshed = access_claims(&api(json!({})), "openid", Some("refresh_token")).1;
    assert_eq!(refreshed["gty"], "refresh_token");
}

/// W160: the dialect of RFC 9068.
#[test]
fn the_dialect_of_rfc_9068() {
    let (header, claims) =
        access_claims(&api(json!({"token_dialect": "rfc9068_profile"})), "openid", None);
    assert_eq!(header, "at+jwt RS256");
    assert_eq!((&claims["client_id"], &claims["jti"]), (&json!("c1"), &json!("j1")));
    assert_eq!(claims.get("azp"), None);
}

/// W161: `_authz` dialects tell the permissions.
#[test]
fn authz_dialects_tell_permissions() {
    for dialect in ["access_token_authz", "rfc9068_profile_authz"] {
        let (_, claims) = access_claims(&api(json!({ "token_dialect": dialect })), "openid", None);
        assert_eq!(claims["permissions"], json!(["read:x"]));
    }
    assert_eq!(access_claims(&api(json!({})), "openid", None).1.get("permissions"), None);
}

/// W163: the life of a token is the API's.
#[test]
fn the_life_of_a_token_is_the_apis() {
    let (_, claims) = access_claims(&api(json!({"token_lifetime": 60})), "openid", None);
    assert_eq!(claims["exp"], 1_800_000_060);
}

/// W195: a machine's token.
#[test]
fn a_machine_is_its_own_subject() {
    let api = api(json!({}));
    let access = Access {
        issuer: "https://t/",
        api: &api,
        client: &ClientId::new("c1"),
        scope: &Scope::parse("read:x").unwrap(),
        now: NOW,
        jti: "j1",
    };
    let claims = Value::Object(machine_access_token(&access).claims);
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("c1@clients"), &json!("https://api/")));
    assert_eq!((&claims["gty"], &claims["azp"]), (&json!("client-credentials"), &json!("c1")));
}

fn person() -> Value {
    json!({"user_id": "auth0|1", "nickname": "al", "name": "Alice", "picture": "https://p/",
        "updated_at": "2026-11-23T04:56:18.000Z", "email": "a@x.y", "email_verified": true,
        "given_name": null, "app_metadata": {"secret": 1}})
}

fn identity(scope: &str) -> Value {
    let draft = id_token_by("RS256", scope);
    assert_eq!((draft.typ, draft.alg.as_str()), ("JWT", "RS256"));
    Value::Object(draft.claims)
}

fn id_token_by(alg: &str, scope: &str) -> Draft {
    id_token(
        &Identity {
            issuer: "https://t/",
            client: &ClientId::new("c1"),
            alg,
            lifetime_s: 36_000,
            user: &UserId::new("auth0|1"),
            person: &person(),
            scope: &Scope::parse(scope).unwrap(),
            auth_time: NOW.plus_seconds(-30),
            act: Act { acr: Some("push"), amr: &["swk"] },
            txn: Some(TransactionId::new([7; 16])),
        },
        NOW,
    )
}

/// N2: the hash that goes with each algorithm, its left half; the request's name as it is.
#[test]
fn a_pushed_id_token_names_its_request_and_the_tokens_beside_it() {
    let half_of_sha256 = "LPJNul-wow4m6Dsqxbning";
    let half_of_sha512 = "m3HSJL1i83hdltRq0-o9czGb-8KJDKra4t_3JRlnPKc";
    for (alg, half) in [
        ("RS256", half_of_sha256),
        ("PS256", half_of_sha256),
        ("ES256", half_of_sha256),
        ("Ed25519", half_of_sha512),
    ] {
        for refresh_token in [None, Some("hello")] {
            let mut draft = id_token_by(alg, "openid");
            bind(&mut draft, &Bound { auth_req_id: "r-1", access_token: "hello", refresh_token });
            let claim = |name: &str| draft.claims.get(name).and_then(Value::as_str);
            assert_eq!(claim("at_hash"), Some(half), "{alg}");
            assert_eq!(claim("urn:openid:params:jwt:claim:auth_req_id"), Some("r-1"));
            let hash = claim("urn:openid:params:jwt:claim:rt_hash");
            assert_eq!(hash, refresh_token.map(|_| half), "{alg}");
        }
    }
}

/// W166, W167: issuer, audience as text, subject, times, ten hours.
#[test]
fn an_id_token_has_what_sdks_check() {
    let claims = identity("openid");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://t/"), &json!("c1")));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1_800_000_000), &json!(1_800_036_000)));
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("push"), &json!(["swk"])));
    assert_eq!(claims["txn"], "07070707070707070707070707070707");
}

/// W168: claims of a person come with the scopes `profile` and `email` only.
#[test]
fn claims_of_a_person_come_by_scope() {
    let all = identity("openid profile email");
    for name in ["nickname", "name", "picture", "updated_at", "email", "email_verified"] {
        assert_eq!(all[name], person()[name]);
        assert_eq!(identity("openid").get(name), None);
    }
    assert_eq!((all.get("given_name"), all.get("app_metadata")), (None, None));
}

/// W169: no `nonce`, no `sid`, and `auth_time` is the approval.
#[test]
fn auth_time_is_the_approval() {
    let claims = identity("openid");
    assert_eq!(claims["auth_time"], 1_799_999_970);
    assert_eq!((claims.get("nonce"), claims.get("sid")), (None, None));
}

/// W170: the very `sub` of the hint everywhere.
#[test]
fn the_subject_is_the_same_everywhere() {
    let about = userinfo(&UserId::new("auth0|1"), &person(), &Scope::parse("openid").unwrap());
    let access = access_claims(&api(json!({})), "openid", None).1;
    assert_eq!([&about["sub"], &access["sub"], &identity("openid")["sub"]], [&json!("auth0|1"); 3]);
}

/// W193: `/userinfo` answers by scope.
#[test]
fn userinfo_answers_by_scope() {
    let about =
        userinfo(&UserId::new("auth0|1"), &person(), &Scope::parse("openid email").unwrap());
    assert_eq!(
        Value::Object(about),
        json!({"sub": "auth0|1", "email": "a@x.y", "email_verified": true})
    );
}
