//! Compact JWS: taken apart without trust, then verified with a key the caller chose.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::json::{self, JsonError};
use super::{Algorithm, ClaimError, Claims, JwkError, PublicKey};

/// Dots of an encrypted token (RFC 7516 3.1).
const DOTS_OF_JWE: usize = 4;

/// Why a token is not taken. Holds nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwsError {
    /// Longer than the caller allows.
    TooLong,
    /// Five parts: encrypted (RFC 7516 3.1), which nothing here reads.
    Encrypted,
    /// Not three parts of base64url.
    Malformed,
    /// The header is not one unambiguous JSON object.
    Header(JsonError),
    /// A header member is of a wrong type.
    HeaderMember(&'static str),
    /// `crit` demands what we do not know.
    Critical,
    /// `alg` is missing, `none`, or none of ours.
    Algorithm,
    /// `typ` is not the one that is prescribed.
    Type,
    /// The `jwk` of the header is no public key of ours.
    Jwk(JwkError),
    /// The algorithm is not allowed here, or is not one of the key's.
    AlgorithmNotAllowed,
    /// The signature is not the key's.
    Signature,
    /// The claims are not usable.
    Claims(ClaimError),
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the token is too long"),
            Self::Encrypted => f.write_str("encrypted tokens are not supported"),
            Self::Malformed => f.write_str("the token is not three parts of base64url"),
            Self::Header(error) => write!(f, "header: {error}"),
            Self::HeaderMember(name) => write!(f, "header member {name} is of a wrong type"),
            Self::Critical => f.write_str("the header has crit"),
            Self::Algorithm => f.write_str("alg is missing or unknown"),
            Self::Type => f.write_str("typ is not the prescribed one"),
            Self::Jwk(error) => write!(f, "header member jwk: {error}"),
            Self::AlgorithmNotAllowed => f.write_str("alg is not allowed for this key"),
            Self::Signature => f.write_str("the signature does not verify"),
            Self::Claims(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for JwsError {}

impl From<ClaimError> for JwsError {
    fn from(error: ClaimError) -> Self {
        Self::Claims(error)
    }
}

/// The header members we look at.
#[derive(Clone, Debug)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `typ`.
    pub typ: Option<String>,
    /// `kid`.
    pub kid: Option<String>,
    /// `jwk`, as it was sent.
    jwk: Option<Value>,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, JwsError> {
        let mut members = json::parse_object(bytes).map_err(JwsError::Header)?;
        refuse_critical(&members)?;
        let alg = text(&members, "alg")?.ok_or(JwsError::Algorithm)?;
        let algorithm = Algorithm::from_name(alg).ok_or(JwsError::Algorithm)?;
        Ok(Self {
            algorithm,
            typ: text(&members, "typ")?.map(str::to_owned),
            kid: text(&members, "kid")?.map(str::to_owned),
            jwk: members.remove("jwk"),
        })
    }

    /// Whether `typ` is `wanted`, as media types are compared: without `application/`, in any case.
    pub fn is_type(&self, wanted: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| same_type(typ, wanted))
    }

    /// The public key in the header: it proves nothing but who signed.
    pub fn jwk(&self) -> Result<Option<PublicKey>, JwsError> {
        self.jwk.as_ref().map(PublicKey::from_jwk).transpose().map_err(JwsError::Jwk)
    }
}

pub(super) fn same_type(typ: &str, wanted: &str) -> bool {
    let short = match typ.split_once('/') {
        Some((first, rest)) if first.eq_ignore_ascii_case("application") => rest,
        Some(_) | None => typ,
    };
    short.eq_ignore_ascii_case(wanted)
}

/// We know no extension, so `crit` can only name one that we do not know.
pub(super) fn refuse_critical(header: &Map<String, Value>) -> Result<(), JwsError> {
    if header.contains_key("crit") { Err(JwsError::Critical) } else { Ok(()) }
}

pub(super) fn text<'a>(
    header: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwsError> {
    match header.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(JwsError::HeaderMember(name)),
    }
}

/// The three parts of a compact JWS, decoded.
pub(super) struct Parts<'a> {
    pub(super) header: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// The first two parts as they were sent.
    pub(super) signing_input: &'a str,
}

impl<'a> Parts<'a> {
    /// Checks the size before anything is decoded.
    pub(super) fn split(token: &'a str, most_bytes: usize) -> Result<Self, JwsError> {
        if token.len() > most_bytes {
            return Err(JwsError::TooLong);
        }
        if token.matches('.').count() == DOTS_OF_JWE {
            return Err(JwsError::Encrypted);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        Ok(Self {
            header: decoded(header)?,
            payload: decoded(payload)?,
            signature: decoded(signature)?,
            signing_input,
        })
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64url| JwsError::Malformed)
}

/// A token that nobody has verified yet.
pub struct Unverified<'a> {
    header: Header,
    parts: Parts<'a>,
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> Unverified<'a> {
    /// Takes a token of at most `most_bytes` apart.
    pub fn parse(token: &'a str, most_bytes: usize) -> Result<Self, JwsError> {
        let parts = Parts::split(token, most_bytes)?;
        let header = Header::parse(&parts.header)?;
        Ok(Self { header, parts })
    }

    /// The header, which nobody has vouched for yet.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The claims before verification: only to find out whose key to verify with.
    pub fn unverified_claims(&self) -> Result<Claims, JwsError> {
        Ok(Claims::parse(&self.parts.payload)?)
    }

    /// The claims, if `key` signed them with one of the `allowed` algorithms.
    pub fn verify(&self, key: &PublicKey, allowed: &[Algorithm]) -> Result<Claims, JwsError> {
        let algorithm = self.header.algorithm;
        if !allowed.contains(&algorithm) || !key.fits(algorithm) {
            return Err(JwsError::AlgorithmNotAllowed);
        }
        if !key.verifies(algorithm, self.parts.signing_input.as_bytes(), &self.parts.signature) {
            return Err(JwsError::Signature);
        }
        Ok(Claims::parse(&self.parts.payload)?)
    }
}
