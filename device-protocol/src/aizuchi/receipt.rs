//! The receipt of a decision: what can be shown to a third party (D18, D19).
//!
//! It is an SD-JWT (RFC 9901) without key binding: a JWS by the issuer, then the parts that not
//! everybody is shown, each behind a tilde. The JWS holds a salted hash of each part, so the same
//! signature vouches for the whole and for a view that lacks some.
//!
//! ```
//! use device_protocol::aizuchi::receipt;
//!
//! assert_eq!(receipt::for_client("jws~part~part~"), Some(String::from("jws~")));
//! assert_eq!(receipt::for_client("jws"), None);
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::InvalidClaim;
use crate::claims;

/// The `typ` of a receipt.
pub const TYP: &str = "aizuchi-receipt+jwt";
/// The media type of its text.
pub const MEDIA_TYPE: &str = "application/sd-jwt";
/// No receipt is longer.
pub const MAX_BYTES: usize = 256 * 1024;
/// The parts that can be left out.
pub const PARTS: usize = 3;
/// The one hash of parts.
const HASH: &str = "sha-256";

/// A passkey's confirmation, all of it base64url as browsers give it, and the key that verifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `authenticatorData`.
    pub authenticator_data: String,
    /// `clientDataJSON`.
    pub client_data: String,
    /// `signature`.
    pub signature: String,
    /// The credential's public key, a JWK.
    pub key: Value,
}

impl Confirmation {
    fn to_json(&self) -> Value {
        json!({
            "authenticatorData": self.authenticator_data,
            "clientDataJSON": self.client_data,
            "signature": self.signature,
            "key": self.key,
        })
    }

    fn read(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Ok(Self {
            authenticator_data: claims::text(members, "authenticatorData")?,
            client_data: claims::text(members, "clientDataJSON")?,
            signature: claims::text(members, "signature")?,
            key: key(members, "key")?,
        })
    }
}

/// The device that signed a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The device's id.
    pub id: String,
    /// Its public key at that moment.
    pub key: Value,
    /// When it enrolled, in Unix seconds.
    pub enrolled_at: i64,
}

impl Signer {
    fn to_json(&self) -> Value {
        json!({ "id": self.id, "key": self.key, "enrolled_at": self.enrolled_at })
    }

    fn read(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Ok(Self {
            id: claims::text(members, "id")?,
            key: key(members, "key")?,
            enrolled_at: claims::date_ms(members, "enrolled_at")? / 1000,
        })
    }
}

/// What a receipt says to everybody who may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who signs it.
    pub issuer: String,
    /// The transaction's public name.
    pub txn: String,
    /// When it was written, in Unix seconds.
    pub issued_at: i64,
    /// Who asked.
    pub client: String,
    /// Who decided.
    pub user: String,
    /// Whether it was a yes.
    pub is_approved: bool,
    /// The content that was shown: a JWS.
    pub content: String,
    /// The key that signed the content.
    pub server_key: Value,
}

/// What a receipt holds beside it, as far as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The decision: a JWS.
    pub decision: Option<String>,
    /// The device.
    pub device: Option<Signer>,
    /// The passkey's confirmation, where there was one.
    pub passkey: Option<Confirmation>,
}

/// A receipt, whole or a view of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What everybody is shown.
    pub said: Said,
    /// What this reader is shown beside it.
    pub parts: Parts,
    /// How many parts this reader is not shown.
    pub hidden: usize,
}

/// A receipt that is to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The claims of the JWS.
    pub claims: Value,
    parts: Vec<String>,
}

impl Draft {
    /// The receipt, its claims signed in `jws`.
    pub fn signed(&self, jws: &str) -> String {
        let texts = std::iter::once(jws).chain(self.parts.iter().map(String::as_str));
        texts.flat_map(|text| [text, "~"]).collect()
    }
}

/// A receipt to be signed; each salt is random and used once.
pub fn draft(said: &Said, parts: &Parts, salts: &[String; PARTS]) -> Draft {
    let members = [
        ("decision", parts.decision.as_deref().map(Value::from)),
        ("device", parts.device.as_ref().map(Signer::to_json)),
        ("passkey", parts.passkey.as_ref().map(Confirmation::to_json)),
    ];
    let salted = members.into_iter().zip(salts).filter_map(|((name, value), salt)| {
        let part = json!([salt, name, value?]);
        Some(URL_SAFE_NO_PAD.encode(part.to_string()))
    });
    let parts: Vec<String> = salted.collect();
    let mut hashes: Vec<String> = parts.iter().map(|part| super::hash(part.as_bytes())).collect();
    // Their order tells nothing (RFC 9901 4.2.4.1).
    hashes.sort_unstable();
    let claims = json!({
        "iss": said.issuer,
        "txn": said.txn,
        "iat": said.issued_at,
        "client_id": said.client,
        "sub": said.user,
        "decided": if said.is_approved { "approve" } else { "deny" },
        "content": said.content,
        "server_key": said.server_key,
        "_sd_alg": HASH,
        "_sd": hashes,
    });
    Draft { claims, parts }
}

/// What the client that asked is shown of a receipt; `None` if the text is none.
pub fn for_client(receipt: &str) -> Option<String> {
    receipt.split_once('~').map(|(jws, _)| format!("{jws}~"))
}

/// A receipt taken apart, of which nothing is verified yet.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The issuer's JWS.
    pub jws: &'a str,
    parts: &'a str,
}

/// A part of a receipt that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The text is not a JWS with parts, each ended by a tilde.
    Form,
    /// The claims of the JWS.
    Claims(InvalidClaim),
    /// The part of that number is not one that the issuer signed.
    NotSigned(usize),
    /// The part of that number is there twice.
    Twice(usize),
    /// The part of that number is signed and cannot be read.
    Part(usize, String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("it is not a signed text with parts, each ended by `~`"),
            Self::Claims(error) => write!(f, "{error}"),
            Self::NotSigned(part) => {
                write!(f, "part {part} is not one that the issuer signed: it was changed")
            }
            Self::Twice(part) => write!(f, "part {part} is there twice"),
            Self::Part(part, why) => write!(f, "part {part}: {why}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<InvalidClaim> for Fault {
    fn from(error: InvalidClaim) -> Self {
        Self::Claims(error)
    }
}

impl<'a> Presented<'a> {
    /// Takes a text apart.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        let (jws, parts) = text.split_once('~').ok_or(Fault::Form)?;
        if text.len() > MAX_BYTES || !(parts.is_empty() || parts.ends_with('~')) {
            return Err(Fault::Form);
        }
        Ok(Self { jws, parts })
    }

    /// Reads it, `members` being the claims of the JWS, whose signature the caller has verified.
    pub fn read(&self, members: &Map<String, Value>) -> Result<Receipt, Fault> {
        let said = said(members)?;
        let mut left = hashes(members)?;
        let mut parts = Parts::default();
        let texts = self.parts.strip_suffix('~').unwrap_or_default();
        let texts = texts.split('~').filter(|_| !self.parts.is_empty());
        for (number, text) in (1..).zip(texts) {
            let hash = super::hash(text.as_bytes());
            let place = left.iter().position(|known| **known == hash);
            left.remove(place.ok_or(Fault::NotSigned(number))?);
            read_part(&mut parts, (number, text))?;
        }
        Ok(Receipt { said, parts, hidden: left.len() })
    }
}

fn said(members: &Map<String, Value>) -> Result<Said, InvalidClaim> {
    Ok(Said {
        issuer: claims::text(members, "iss")?,
        txn: claims::text(members, "txn")?,
        issued_at: claims::date_ms(members, "iat")? / 1000,
        client: claims::text(members, "client_id")?,
        user: claims::text(members, "sub")?,
        is_approved: match claims::text(members, "decided")?.as_str() {
            "approve" => true,
            "deny" => false,
            _ => return Err(InvalidClaim::new("decided", "must be approve or deny")),
        },
        content: claims::text(members, "content")?,
        server_key: key(members, "server_key")?,
    })
}

/// The hashes of all parts.
fn hashes(members: &Map<String, Value>) -> Result<Vec<&str>, InvalidClaim> {
    if claims::text(members, "_sd_alg")? != HASH {
        return Err(InvalidClaim::new("_sd_alg", "must be sha-256"));
    }
    let wrong = || InvalidClaim::new("_sd", "must be a list of at most 3 texts");
    let list = members.get("_sd").and_then(Value::as_array).ok_or_else(wrong)?;
    if list.len() > PARTS {
        return Err(wrong());
    }
    list.iter().map(|hash| hash.as_str().ok_or_else(wrong)).collect()
}

fn read_part(parts: &mut Parts, (number, text): (usize, &str)) -> Result<(), Fault> {
    let fault = |why: String| Fault::Part(number, why);
    let none = || fault(String::from("it is not a salt, a name and a value"));
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().ok_or_else(none)?;
    let part: Vec<Value> = serde_json::from_slice(&bytes).ok().ok_or_else(none)?;
    let [Value::String(_salt), Value::String(name), value] = part.as_slice() else {
        return Err(none());
    };
    let object = || value.as_object().ok_or_else(none);
    let is_new = match name.as_str() {
        "decision" => {
            let decision = value.as_str().ok_or_else(none)?;
            parts.decision.replace(decision.to_owned()).is_none()
        }
        "device" => {
            let device = Signer::read(object()?).map_err(|error| fault(error.to_string()))?;
            parts.device.replace(device).is_none()
        }
        "passkey" => {
            let said = Confirmation::read(object()?).map_err(|error| fault(error.to_string()))?;
            parts.passkey.replace(said).is_none()
        }
        _ => return Err(fault(String::from("its name is not known"))),
    };
    if is_new { Ok(()) } else { Err(Fault::Twice(number)) }
}

fn key(members: &Map<String, Value>, name: &'static str) -> Result<Value, InvalidClaim> {
    let key = members.get(name).filter(|key| key.is_object()).cloned();
    key.ok_or_else(|| InvalidClaim::new(name, "must be a key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            said: Said {
                issuer: "https://login.example.com/".into(),
                txn: "t".into(),
                issued_at: 9,
                client: "shop".into(),
                user: "auth0|u1".into(),
                is_approved: true,
                content: "a.b.c".into(),
                server_key: json!({ "kty": "EC" }),
            },
            parts: Parts {
                decision: Some("d.e.f".into()),
                device: Some(Signer {
                    id: "dev_1".into(),
                    key: json!({ "kty": "OKP" }),
                    enrolled_at: 7,
                }),
                passkey: Some(Confirmation {
                    authenticator_data: "AA".into(),
                    client_data: "BB".into(),
                    signature: "CC".into(),
                    key: json!({ "kty": "EC" }),
                }),
            },
            hidden: 0,
        }
    }

    fn drafted(receipt: &Receipt) -> Draft {
        draft(&receipt.said, &receipt.parts, &["s1", "s2", "s3"].map(String::from))
    }

    fn read(text: &str, draft: &Draft) -> Result<Receipt, Fault> {
        Presented::parse(text)?.read(draft.claims.as_object().unwrap())
    }

    #[test]
    fn a_receipt_is_read_as_it_was_made() {
        let whole = receipt();
        let without = Receipt { parts: Parts { passkey: None, ..receipt().parts }, ..receipt() };
        for receipt in [whole, without] {
            let draft = drafted(&receipt);
            assert_eq!(read(&draft.signed("x.y.z"), &draft).unwrap(), receipt);
        }
    }

    /// D19: what the client is shown names neither the device nor its key, and the same claims
    /// vouch for it.
    #[test]
    fn a_view_is_vouched_for_by_the_same_claims() {
        let draft = drafted(&receipt());
        let view = for_client(&draft.signed("x.y.z")).unwrap();
        let seen = read(&view, &draft).unwrap();
        assert_eq!((seen.parts, seen.hidden, seen.said), (Parts::default(), 3, receipt().said));
        let claims = draft.claims.to_string();
        assert!(!claims.contains("dev_1") && !claims.contains("d.e.f") && !claims.contains("OKP"));
    }

    /// One salt away, everything else the same: no hash can be guessed from a part's value.
    #[test]
    fn hashes_are_salted() {
        let receipt = receipt();
        let first = drafted(&receipt);
        let salts = ["t1", "t2", "t3"].map(String::from);
        let second = draft(&receipt.said, &receipt.parts, &salts);
        let hashes = |draft: &Draft| draft.claims["_sd"].as_array().unwrap().clone();
        assert!(hashes(&first).iter().all(|hash| !hashes(&second).contains(hash)));
    }

    #[test]
    fn parts_that_were_not_signed_are_named() {
        let draft = drafted(&receipt());
        let whole = draft.signed("x.y.z");
        let parts: Vec<&str> = whole.split('~').collect();
        let text = |parts: &[&str]| parts.join("~");
        let (decision, device) = (parts[1], parts[2]);
        for (text, fault) in [
            (String::from("x.y.z"), Fault::Form),
            (text(&["x.y.z", decision]), Fault::Form),
            (text(&["x.y.z", "WyJzIl0", ""]), Fault::NotSigned(1)),
            (text(&["x.y.z", "", ""]), Fault::NotSigned(1)),
            (text(&["x.y.z", decision, decision, ""]), Fault::NotSigned(2)),
            (text(&["x.y.z", device, &format!("{decision}A"), ""]), Fault::NotSigned(2)),
        ] {
            assert_eq!(read(&text, &draft).unwrap_err(), fault, "{text}");
        }
        for (name, value) in [("_sd_alg", json!("md5")), ("_sd", json!([1])), ("decided", json!(1))]
        {
            let mut claims = draft.claims.clone();
            claims[name] = value;
            let fault = Presented::parse(&whole).unwrap().read(claims.as_object().unwrap());
            assert!(fault.unwrap_err().to_string().contains(name), "{name}");
        }
    }
}
