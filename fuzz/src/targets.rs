//! What strangers send, as functions of bytes: none may panic, whatever it is given, and nothing
//! that was not signed may ever verify. `domain/tests/fuzz.rs` runs them in the gate on the kept
//! corpus and on cases of its own; `cargo fuzz` runs them by hand.

use std::sync::LazyLock;

use domain::ciba::hint_token::{HintIssuer, id_token_hint, login_hint_token};
use domain::ciba::{authorization_details, hint, login_hint, signed_request};
use domain::jose::assertion::{self, Audience};
use domain::jose::{Algorithm, Jwk, SigningKey, Unverified, dpop, parse_set, verify_by_set};
use domain::oauth::certificate::Certificate;
use domain::oauth::client::Client;
use domain::oauth::parameters::Parameters;
use domain::oauth::subject::Subject;
use domain::{ClientId, Timestamp};
use serde_json::{Value, json};

/// A target: its name, which is its folder's in `corpus`, and what it does with bytes.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All targets.
pub(crate) const TARGETS: [Target; 9] = [
    ("form", form),
    ("jwt", jwt),
    ("jwks", jwks),
    ("dpop", dpop_proof),
    ("hint_token", hint_token),
    ("signed_request", request),
    ("authorization_details", details),
    ("login_hint", identifier),
    ("certificate", certificate),
];

/// Gives bytes to the target of this name.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    target(bytes);
}

const NOW: Timestamp = Timestamp::from_ms(1_795_410_000_000);
const ISSUER: &str = "https://login.example.com/";
/// No signed text is longer.
const LONGEST: usize = 64 * 1024;

/// A P-256 key that signs what is to be looked at behind the signature.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    SigningKey::from_pem(include_str!("../../testkit/keys/tenant-p256.pem"))
        .unwrap_or_else(|error| panic!("{error}"))
});

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let document = json!({
        "client_id": "c", "oidc_conformant": true, "profile": "ciba",
        "grant_types": ["urn:openid:params:grant-type:ciba"],
        "backchannel_authentication_request_signing_alg": "ES256",
    });
    Client::from_document(&document).unwrap_or_else(|_| panic!("the client can be read"))
});

fn issuers() -> [String; 1] {
    [ISSUER.to_owned()]
}

fn keys() -> Vec<Jwk> {
    vec![Jwk { key: KEY.public().clone(), kid: None, alg: None, certificate: None }]
}

/// A JWT out of bytes. An even first byte: what follows is the text of one, signed by nobody we
/// know. An odd one: header and claims with a zero byte between, signed by our key, so that what
/// stands behind the signature is reached too. And whether it was signed.
fn token(bytes: &[u8]) -> Option<(String, bool)> {
    let (first, rest) = bytes.split_first()?;
    if rest.len() > LONGEST {
        return None;
    }
    if first.is_multiple_of(2) {
        return Some((std::str::from_utf8(rest).ok()?.to_owned(), false));
    }
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (header, claims) = rest.split_at_checked(end)?;
    let header = std::str::from_utf8(header).ok()?;
    let claims = std::str::from_utf8(claims.strip_prefix(b"\0")?).ok()?;
    Some((KEY.sign_compact(Algorithm::Es256, header, claims).ok()?, true))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Forms and JSON bodies of the OAuth endpoints, and the values of each parameter.
fn form(bytes: &[u8]) {
    for read in [Parameters::from_form(bytes), Parameters::from_json(bytes)] {
        let Ok(parameters) = read else { continue };
        let names: Vec<String> = parameters.names().map(str::to_owned).collect();
        let doubled = parameters.check_no_duplicates(&[]).is_err();
        for name in &names {
            let given = names.iter().filter(|one| *one == name).count();
            assert!(doubled || given == 1, "{given} of one parameter");
            assert!(parameters.all(name).count() <= given);
            drop((parameters.required(name), parameters.optional(name)));
            drop((parameters.optional_bare(name), parameters.optional_structure(name)));
        }
        // Secrets of the caller's must not be printed.
        assert!(!format!("{parameters:?}").contains("client_secret="));
    }
}

/// JWTs, and client assertions.
fn jwt(bytes: &[u8]) {
    let Some((token, is_signed)) = token(bytes) else { return };
    let client = ClientId::new("c");
    let credentials = [(KEY.public().clone(), Algorithm::Es256)];
    let endpoints = ["https://login.example.com/oauth/token"];
    for audience in [
        Audience::Strict { issuer: ISSUER },
        Audience::Ciba2021 { issuer: ISSUER, endpoints: &endpoints },
    ] {
        let checked = assertion::check(&token, &client, &credentials, &audience, NOW);
        assert!(is_signed || checked.is_err(), "it was signed by nobody");
    }
    drop(assertion::unverified_client(&token));
    let Ok(unverified) = Unverified::parse(&token, LONGEST) else { return };
    drop((unverified.header().jwk(), unverified.unverified_claims()));
    for algorithm in Algorithm::ALL {
        let verified = unverified.verify(KEY.public(), &[*algorithm]);
        let may = is_signed && *algorithm == Algorithm::Es256;
        assert!(may || verified.is_err(), "verified by {}", algorithm.name());
    }
}

/// Key sets of clients and of issuers of hints.
fn jwks(bytes: &[u8]) {
    let Ok(set) = domain::json::parse(bytes) else { return };
    drop(Jwk::parse(&set));
    let Ok(keys) = parse_set(&set) else { return };
    assert!(keys.len() <= 32);
    for jwk in &keys {
        let printed = format!("{jwk:?}");
        assert!(!printed.contains("\"d\""), "a private member was kept: {printed}");
        drop(jwk.key.thumbprint());
    }
    let signed = KEY.sign_compact(Algorithm::Es256, r#"{"alg":"ES256"}"#, "{}");
    let Ok(signed) = signed else { return };
    let Ok(unverified) = Unverified::parse(&signed, LONGEST) else { return };
    let is_ours = keys.iter().any(|jwk| jwk.key == *KEY.public());
    assert!(is_ours || verify_by_set(&unverified, &keys, Algorithm::ALL).is_err());
}

/// Proofs of possession, with and without access token and nonce. A proof brings its own key, so
/// that anybody may sign one: what is bound is that key.
fn dpop_proof(bytes: &[u8]) {
    let Some((token, _)) = token(bytes) else { return };
    let (urls, nonces) = (["https://login.example.com/oauth/token".to_owned()], ["n".to_owned()]);
    for (access_token, is_required) in [(None, false), (Some("token"), true)] {
        let rules = dpop::ProofRules {
            method: "POST",
            urls: &urls,
            access_token,
            nonces: (&nonces, is_required),
        };
        if let Ok(held) = dpop::check(&token, &rules, NOW) {
            assert!(held.forget_at > NOW);
            assert!(!held.thumbprint.is_empty());
        }
    }
}

/// `login_hint_token` and `id_token_hint`.
fn hint_token(bytes: &[u8]) {
    let Some((token, is_signed)) = token(bytes) else { return };
    let trusted = [HintIssuer { issuer: String::from("https://broker.example/"), keys: keys() }];
    let ours = issuers();
    let vouched = login_hint_token(&token, &trusted, (ISSUER, &ours), NOW);
    assert!(is_signed || vouched.is_err(), "nobody signed it");
    if let Ok(vouched) = vouched {
        assert!(vouched.expires_at > NOW && !vouched.jti.is_empty());
    }
    let client = ClientId::new("c");
    let hinted = id_token_hint(&token, (&client, &ours), |_| Some(KEY.public()), NOW);
    assert!(is_signed || hinted.is_err(), "nobody signed it");
}

/// Signed authentication requests, and the hint inside.
fn request(bytes: &[u8]) {
    let Some((token, is_signed)) = token(bytes) else { return };
    let members = vec![(String::from("request"), Value::String(token))];
    let Ok(body) = serde_json::to_vec(&Value::Object(members.into_iter().collect())) else {
        return;
    };
    let Ok(parameters) = Parameters::from_json(&body) else { return };
    let opened = signed_request::open(&parameters, &CLIENT, &keys(), &issuers(), NOW);
    let Ok(Some(opened)) = opened else { return };
    assert!(is_signed, "nobody signed it");
    assert!(opened.expires_at > NOW && !opened.jti.is_empty());
    assert!(!opened.parameters.has("request") && !opened.parameters.has("client_secret"));
    drop(hint::only_one(&opened.parameters, &CLIENT, &issuers()));
}

/// `authorization_details`.
fn details(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for limits in [&authorization_details::NARROW, &authorization_details::WIDE] {
        let Ok(details) = authorization_details::parse(text, limits) else { continue };
        assert_eq!(details.text(), text, "what was signed is what is shown");
        assert!((1..=limits.entries).contains(&details.entries().count()));
        assert!(text.len() <= limits.bytes);
    }
}

/// `login_hint` in all profiles.
fn identifier(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let issuers = issuers();
    drop(login_hint::parse(text, &issuers));
    let Ok(body) = serde_json::to_vec(&json!({ "login_hint": text })) else { return };
    let Ok(parameters) = Parameters::from_json(&body) else { return };
    if let Ok(hint::Hint::Who(hint::Who::Phone(number))) =
        hint::only_one(&parameters, &CLIENT, &issuers)
    {
        assert!(number.starts_with('+') && number.len() <= 16, "{number}");
    }
}

/// Certificates as DER and PEM, and the subject's text.
fn certificate(bytes: &[u8]) {
    let read = [Certificate::from_der(bytes), text(bytes).and_then(Certificate::from_pem)];
    for certificate in read.into_iter().flatten() {
        drop((certificate.dns_names(), certificate.is_current(NOW)));
        assert_eq!(certificate.thumbprint_text().len(), 43);
    }
    if let Some(name) = text(bytes).and_then(Subject::parse) {
        assert!(name.matches(&name), "a name is itself");
    }
}
