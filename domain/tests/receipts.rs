//! D20: a receipt is checked with nothing but the issuer's keys, and each thing that does not hold
//! is named.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::aizuchi::content::{self, Asker, Content, Match};
use device_protocol::aizuchi::decision::{self, Answer, Decision};
use device_protocol::aizuchi::receipt::{self, Confirmation, Parts, Said, Signer};
use domain::aizuchi::{Place, verify_receipt};
use domain::jose::{Jwk, KeyType, PublicKey, SigningKey, parse_set};
use serde_json::{Value, json};

const ORIGIN: &str = "https://login.example.com";

/// Everybody whose key stands behind a receipt.
struct Keys {
    issuer: SigningKey,
    server: SigningKey,
    device: SigningKey,
    passkey: EcdsaKeyPair,
}

impl Keys {
    fn new() -> Self {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let passkey = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        Self {
            issuer: SigningKey::generate(KeyType::Rsa).unwrap(),
            server: SigningKey::generate(KeyType::P256).unwrap(),
            device: SigningKey::generate(KeyType::Ed25519).unwrap(),
            passkey: EcdsaKeyPair::from_pkcs8(algorithm, passkey.as_ref()).unwrap(),
        }
    }

    fn set(&self) -> Vec<Jwk> {
        let key = self.issuer.public().to_jwk(Some("k1"), None);
        parse_set(&json!({ "keys": [key] })).unwrap()
    }

    fn passkey_jwk(&self) -> Value {
        let point = self.passkey.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..65]) })
    }

    /// A passkey's confirmation of a decision, on a page of this origin.
    fn confirms(&self, decision: &str, (origin, flags): (&str, u8)) -> Confirmation {
        self.confirms_to("login.example.com", decision, (origin, flags))
    }

    /// The same, for another relying party.
    fn confirms_to(
        &self,
        party: &str,
        decision: &str,
        (origin, flags): (&str, u8),
    ) -> Confirmation {
        let input = decision.rsplit_once('.').unwrap().0;
        let challenge = digest(&SHA256, format!("aizuchi-decision\0{input}").as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(challenge);
        let client = json!({ "type": "webauthn.get", "challenge": challenge, "origin": origin });
        let client = client.to_string();
        let mut data = digest(&SHA256, party.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend([0; 4]);
        let signed = [data.as_slice(), digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.passkey.sign(&SystemRandom::new(), &signed).unwrap();
        Confirmation {
            authenticator_data: URL_SAFE_NO_PAD.encode(data),
            client_data: URL_SAFE_NO_PAD.encode(client),
            signature: URL_SAFE_NO_PAD.encode(signature),
            key: self.passkey_jwk(),
        }
    }
}

fn jwk(key: &PublicKey) -> Value {
    serde_json::from_str(key.canonical_json()).unwrap()
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    key.sign_compact(algorithm, &header.to_string(), &claims.to_string()).unwrap()
}

type PartsChange = Box<dyn Fn(&Keys, &mut Parts)>;

/// All that a receipt is made of; a test changes what it wants to be wrong.
struct Case {
    content: Content,
    decision: Box<dyn Fn(&mut Value)>,
    said: Box<dyn Fn(&mut Said)>,
    parts: PartsChange,
}

impl Case {
    fn new() -> Self {
        Self {
            content: Content {
                request: "cns_1".into(),
                issuer: "https://login.example.com/".into(),
                user: "auth0|u1".into(),
                client: Asker { id: "shop".into(), name: "Book shop".into(), domain: None },
                logo: None,
                binding_message: Some("21-49".into()),
                scope: vec![("openid".into(), None)],
                audience: None,
                further_audiences: Vec::new(),
                claims: Vec::new(),
                authorization_details: None,
                locale: "en".into(),
                lines: Vec::new(),
                template_sha256: None,
                context: None,
                match_style: None,
                is_verification_required: false,
                created_at: 1_000,
                expires_at: 1_300,
            },
            decision: Box::new(|_claims| {}),
            said: Box::new(|_said| {}),
            parts: Box::new(|_keys, _parts| {}),
        }
    }

    fn receipt(&self, keys: &Keys) -> String {
        let header = json!({ "typ": content::TYP, "alg": "ES256" });
        let words = signed(&keys.server, &header, &self.content.claims());
        let mut claims = Decision {
            device: "dev_1",
            user: "auth0|u1",
            issuer: "https://login.example.com/",
            jti: "j",
            issued_at: 1_010,
            request: "cns_1",
            content_hash: &content::hash(&words),
            match_code: None,
            answer: Answer::Approve,
        }
        .claims();
        (self.decision)(&mut claims);
        let decided = signed(&keys.device, &decision::header("Ed25519", "dev_1"), &claims);
        let mut said = Said {
            issuer: "https://login.example.com/".into(),
            txn: "0190".into(),
            issued_at: 1_011,
            client: "shop".into(),
            user: "auth0|u1".into(),
            is_approved: true,
            content: words,
            server_key: jwk(keys.server.public()),
        };
        (self.said)(&mut said);
        let device =
            Signer { id: "dev_1".into(), key: jwk(keys.device.public()), enrolled_at: 900 };
        let mut parts = Parts { decision: Some(decided), device: Some(device), passkey: None };
        (self.parts)(keys, &mut parts);
        let draft = receipt::draft(&said, &parts, &["a", "b", "c"].map(String::from));
        let header = json!({ "typ": receipt::TYP, "alg": "RS256", "kid": "k1" });
        draft.signed(&signed(&keys.issuer, &header, &draft.claims))
    }
}

fn fails(keys: &Keys, case: &Case, place: Place) {
    let fault = verify_receipt(&case.receipt(keys), &keys.set()).unwrap_err();
    assert_eq!(fault.place, place, "{fault}");
}

#[test]
fn a_good_receipt_tells_who_agreed_to_what() {
    let keys = Keys::new();
    let text = Case::new().receipt(&keys);
    let held = verify_receipt(&text, &keys.set()).unwrap();
    assert_eq!(held.content, Case::new().content);
    assert_eq!(held.decision.unwrap().answer, Answer::Approve);
    assert_eq!((held.passkey, held.receipt.hidden), (None, 0));
    let view = receipt::for_client(&text).unwrap();
    let held = verify_receipt(&view, &keys.set()).unwrap();
    assert_eq!((held.decision, held.receipt.hidden), (None, 2));
    assert!(held.receipt.said.is_approved);

    let others = Keys::new();
    for set in [others.set(), Vec::new()] {
        assert_eq!(verify_receipt(&text, &set).unwrap_err().place, Place::Signature);
    }
}

#[test]
fn what_contradicts_the_words_is_named() {
    let keys = Keys::new();
    let said = |change: fn(&mut Said)| Case { said: Box::new(change), ..Case::new() };
    for change in [
        |said: &mut Said| said.user = "auth0|u2".into(),
        |said: &mut Said| said.client = "other".into(),
        |said: &mut Said| said.issuer = "https://evil.example.com/".into(),
        |said: &mut Said| said.server_key = json!({ "kty": "EC" }),
    ] {
        fails(&keys, &said(change), Place::Content);
    }
    fails(&keys, &said(|said| said.is_approved = false), Place::Decision);
    let decision = |name: &'static str, value: Value| Case {
        decision: Box::new(move |claims| claims[name] = value.clone()),
        ..Case::new()
    };
    for (name, value) in [
        ("iss", json!("dev_2")),
        ("sub", json!("auth0|u2")),
        ("request", json!("cns_2")),
        ("decision", json!("deny")),
        ("decision", json!("perhaps")),
    ] {
        fails(&keys, &decision(name, value), Place::Decision);
    }
    fails(&keys, &decision("content_hash", json!("another")), Place::Hash);
    let device = |change: fn(&Keys, &mut Parts)| Case { parts: Box::new(change), ..Case::new() };
    fails(&keys, &device(|_, parts| parts.device = None), Place::Decision);
    let other_key = |keys: &Keys, parts: &mut Parts| {
        parts.device.as_mut().unwrap().key = jwk(keys.server.public());
    };
    fails(&keys, &device(other_key), Place::Decision);
}

#[test]
fn times_out_of_order_are_named() {
    let keys = Keys::new();
    for at in [999, 1_301] {
        let said = Box::new(move |said: &mut Said| said.issued_at = at);
        fails(&keys, &Case { said, ..Case::new() }, Place::Times);
    }
    // A device's clock may be two minutes off, and no more.
    for (at, holds) in [(880, true), (879, false), (1_131, true), (1_132, false)] {
        let decision = Box::new(move |claims: &mut Value| claims["iat"] = json!(at));
        let text = Case { decision, ..Case::new() }.receipt(&keys);
        let fault = verify_receipt(&text, &keys.set()).err();
        assert_eq!(fault.map(|fault| fault.place), (!holds).then_some(Place::Times), "{at}");
    }
    let late = |_: &Keys, parts: &mut Parts| parts.device.as_mut().unwrap().enrolled_at = 1_012;
    fails(&keys, &Case { parts: Box::new(late), ..Case::new() }, Place::Times);
}

/// A yes without the number that the words asked for, or with one that was not shown.
#[test]
fn a_number_that_was_asked_for_was_entered() {
    let keys = Keys::new();
    let choose = Match::Choose(vec!["07".into(), "13".into(), "40".into()]);
    for (style, code, holds) in [
        (Match::Type, None, false),
        (Match::Type, Some("13"), true),
        (choose.clone(), None, false),
        (choose.clone(), Some("14"), false),
        (choose, Some("13"), true),
    ] {
        let content = Content { match_style: Some(style), ..Case::new().content };
        let decision = Box::new(move |claims: &mut Value| {
            if let Some(code) = code {
                claims["match"] = code.into();
            }
        });
        let text = Case { content, decision, ..Case::new() }.receipt(&keys);
        let fault = verify_receipt(&text, &keys.set()).err().map(|fault| fault.place);
        assert_eq!(fault, (!holds).then_some(Place::Decision), "{code:?}");
    }
}

#[test]
fn a_passkey_confirms_this_very_decision() {
    const VERIFIED: u8 = 0x05;
    let keys = Keys::new();
    let demanding = || Case {
        content: Content { is_verification_required: true, ..Case::new().content },
        ..Case::new()
    };
    fails(&keys, &demanding(), Place::Passkey);
    let with = |origin: &'static str, flags: u8| Case {
        parts: Box::new(move |keys, parts| {
            let decision = parts.decision.clone().unwrap();
            parts.passkey = Some(keys.confirms(&decision, (origin, flags)));
        }),
        ..demanding()
    };
    let held = verify_receipt(&with(ORIGIN, VERIFIED).receipt(&keys), &keys.set()).unwrap();
    assert_eq!(held.passkey.unwrap().origin, ORIGIN);
    fails(&keys, &with(ORIGIN, 0x01), Place::Passkey);
    for change in [
        |keys: &Keys, parts: &mut Parts| {
            parts.passkey = Some(keys.confirms("another.decision.x", (ORIGIN, VERIFIED)));
        },
        |keys: &Keys, parts: &mut Parts| {
            let decision = parts.decision.clone().unwrap();
            let other = Keys::new();
            let said = keys.confirms(&decision, (ORIGIN, VERIFIED));
            parts.passkey = Some(Confirmation { key: other.passkey_jwk(), ..said });
        },
    ] {
        fails(&keys, &Case { parts: Box::new(change), ..demanding() }, Place::Passkey);
    }
}

/// O520: a relying party is the page's host or a domain above it, or the issuer that took the
/// confirmation from another origin; `com`, `host` or a neighbour is none.
#[test]
fn a_passkey_is_of_the_page_the_domains_above_it_or_the_issuer() {
    const VERIFIED: u8 = 0x05;
    let keys = Keys::new();
    for (party, origin, holds) in [
        ("login.example.com", "https://login.example.com", true),
        ("login.example.com", "https://app.login.example.com", true),
        ("login.example.com", "https://app.example", true),
        ("other.example.com", "https://app.example", true),
        ("example.com", "https://app.login.example.com:8443", true),
        ("localhost", "https://app.localhost", true),
        ("localhost", "http://localhost:8080", true),
        ("intranet", "https://intranet", true),
        ("com", "https://login.example.com", false),
        ("host", "https://app.host", false),
        ("0.0.1", "https://127.0.0.1", false),
        ("127.0.0.1", "https://127.0.0.1", true),
        ("evil.example.com", "https://login.example.com", false),
        ("app.login.example.com", "https://login.example.com", false),
        ("login.example.com.evil.example", "https://login.example.com", false),
        ("ogin.example.com", "https://login.example.com", false),
        ("example.com", "nonsense", false),
    ] {
        let case = Case {
            // The device knows the issuer by another of its addresses.
            decision: Box::new(|claims| claims["aud"] = "https://other.example.com/".into()),
            parts: Box::new(move |keys, parts| {
                let decision = parts.decision.clone().unwrap();
                parts.passkey = Some(keys.confirms_to(party, &decision, (origin, VERIFIED)));
            }),
            ..Case::new()
        };
        let fault = verify_receipt(&case.receipt(&keys), &keys.set()).err();
        let fault = fault.map(|fault| fault.place);
        assert_eq!(fault, (!holds).then_some(Place::Passkey), "{party} of {origin}");
    }
}

/// D20: any byte of a receipt changed, and it fails, saying where.
#[test]
fn a_changed_byte_anywhere_fails_and_is_placed() {
    let keys = Keys::new();
    let set = keys.set();
    let whole = Case::new().receipt(&keys);
    for text in [whole.clone(), receipt::for_client(&whole).unwrap()] {
        verify_receipt(&text, &set).unwrap();
        for (place, byte) in text.bytes().enumerate() {
            for change in [1, 2, 32] {
                let mut changed = text.clone().into_bytes();
                changed[place] = byte ^ change;
                let changed = String::from_utf8(changed).unwrap();
                let fault = verify_receipt(&changed, &set).unwrap_err();
                assert!(
                    matches!(fault.place, Place::Form | Place::Signature),
                    "byte {place} of {}: {fault}",
                    text.len()
                );
            }
        }
    }
}
