//! The receipt of a decision, checked by whoever holds it with nothing but the issuer's key set
//! (D20).

use std::fmt;

use super::algorithm_of;
use super::confirmation::{self, Confirmed};
use crate::jose::{Algorithm, Jwk, PublicKey, Unverified, verify_by_set};
use device_protocol::aizuchi::content::{self, Content, Match};
use device_protocol::aizuchi::decision::{self, Answer, Said};
use device_protocol::aizuchi::proof::WINDOW_S;
use device_protocol::aizuchi::receipt::{self, Presented, Receipt, Signer};

/// What receipts are signed with.
const ALGORITHMS: [Algorithm; 1] = [Algorithm::Rs256];

/// Where a receipt does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its form.
    Form,
    /// The issuer's signature, or a part that it does not cover.
    Signature,
    /// What the person was shown.
    Content,
    /// What the device signed.
    Decision,
    /// That the decision is over this content.
    Hash,
    /// What the passkey signed.
    Passkey,
    /// The order of its times.
    Times,
}

impl Place {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Signature => "signature",
            Self::Content => "content",
            Self::Decision => "decision",
            Self::Hash => "hash",
            Self::Passkey => "passkey",
            Self::Times => "times",
        }
    }
}

/// Why a receipt does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place.name(), self.why)
    }
}

impl std::error::Error for Fault {}

/// A fault at a place.
fn at(place: Place, why: impl fmt::Display) -> Fault {
    Fault { place, why: why.to_string() }
}

/// A receipt that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The receipt.
    pub receipt: Receipt,
    /// What the person was shown.
    pub content: Content,
    /// What the device signed, where it is shown.
    pub decision: Option<Said>,
    /// What the passkey confirmed, where it is shown.
    pub passkey: Option<Confirmed>,
}

/// Checks a receipt, whole or a view of it, with the keys of its issuer.
pub fn verify_receipt(text: &str, keys: &[Jwk]) -> Result<Verified, Fault> {
    let presented = Presented::parse(text).map_err(|error| at(Place::Form, error))?;
    let unverified = Unverified::parse(presented.jws, receipt::MAX_BYTES)
        .map_err(|error| at(Place::Form, error))?;
    if !unverified.header().is_type(receipt::TYP) {
        return Err(at(Place::Form, format!("typ must be {}", receipt::TYP)));
    }
    let kid = unverified.header().kid.as_deref();
    let kid =
        kid.ok_or_else(|| at(Place::Form, "kid, the name of the issuer's key, is missing"))?;
    let is_named = |jwk: &&Jwk| jwk.kid.as_deref() == Some(kid);
    let named: Vec<Jwk> = keys.iter().filter(is_named).cloned().collect();
    if named.is_empty() {
        return Err(at(Place::Signature, "the key set has no key of the name that signed it"));
    }
    let claims = verify_by_set(&unverified, &named, &ALGORITHMS);
    let claims = claims.map_err(|error| at(Place::Signature, error))?;
    let receipt = presented.read(claims.as_map()).map_err(|error| at(Place::Signature, error))?;
    let content = content(&receipt)?;
    let decision = decision(&receipt, &content)?;
    let passkey = passkey(&receipt, &content, decision.as_ref())?;
    times(&receipt, &content, decision.as_ref())?;
    Ok(Verified { receipt, content, decision, passkey })
}

/// The words, under the key that the issuer says it signed them with.
fn content(receipt: &Receipt) -> Result<Content, Fault> {
    let fault = |why: &dyn fmt::Display| at(Place::Content, why);
    let said = &receipt.said;
    let key = PublicKey::from_jwk(&said.server_key).map_err(|error| fault(&error))?;
    let unverified =
        Unverified::parse(&said.content, content::MAX_BYTES).map_err(|error| fault(&error))?;
    if !unverified.header().is_type(content::TYP) {
        return Err(fault(&format!("typ must be {}", content::TYP)));
    }
    let claims = unverified.verify(&key, &algorithm_of(&key)).map_err(|error| fault(&error))?;
    let content = Content::from_claims(claims.as_map()).map_err(|error| fault(&error))?;
    for (name, shown, told) in [
        ("iss", &content.issuer, &said.issuer),
        ("user", &content.user, &said.user),
        ("client", &content.client.id, &said.client),
    ] {
        if shown != told {
            return Err(fault(&format!("{name} is another than the receipt's")));
        }
    }
    Ok(content)
}

/// The decision, if it is shown: by this device, over these words.
fn decision(receipt: &Receipt, content: &Content) -> Result<Option<Said>, Fault> {
    let fault = |why: &dyn fmt::Display| at(Place::Decision, why);
    let (jws, device) = match (&receipt.parts.decision, &receipt.parts.device) {
        (Some(jws), Some(device)) => (jws, device),
        (None, _) => return Ok(None),
        (Some(_), None) => {
            return Err(fault(&"it is shown without the key that it is signed with"));
        }
    };
    let said = signed(jws, device)?;
    for (name, signed, told) in [
        ("iss", &said.device, &device.id),
        ("sub", &said.user, &receipt.said.user),
        ("request", &said.request, &content.request),
    ] {
        if signed != told {
            return Err(fault(&format!("{name} is another than the receipt's")));
        }
    }
    if (said.answer == Answer::Approve) != receipt.said.is_approved {
        return Err(fault(&"the device said otherwise than the receipt"));
    }
    if said.content_hash != content::hash(&receipt.said.content) {
        return Err(at(Place::Hash, "the decision is over other words than these"));
    }
    let is_entered = match (&content.match_style, &said.match_code) {
        (None, _) => true,
        (Some(Match::Type), code) => code.is_some(),
        (Some(Match::Choose(numbers)), code) => {
            code.as_ref().is_some_and(|code| numbers.contains(code))
        }
    };
    if said.answer == Answer::Approve && !is_entered {
        return Err(fault(&"it approves without the number that the words ask for"));
    }
    Ok(Some(said))
}

fn signed(jws: &str, device: &Signer) -> Result<Said, Fault> {
    let fault = |why: &dyn fmt::Display| at(Place::Decision, why);
    let key = PublicKey::from_jwk(&device.key).map_err(|error| fault(&error))?;
    let unverified = Unverified::parse(jws, decision::MAX_BYTES).map_err(|error| fault(&error))?;
    if !unverified.header().is_type(decision::TYP) {
        return Err(fault(&format!("typ must be {}", decision::TYP)));
    }
    if unverified.header().kid.as_deref() != Some(device.id.as_str()) {
        return Err(fault(&"kid is not the device"));
    }
    let claims = unverified.verify(&key, &algorithm_of(&key)).map_err(|error| fault(&error))?;
    Said::from_claims(claims.as_map()).map_err(|error| fault(&error))
}

/// The passkey's confirmation, if it is shown; where the words demand one, a shown yes has it.
fn passkey(
    receipt: &Receipt,
    content: &Content,
    signed: Option<&Said>,
) -> Result<Option<Confirmed>, Fault> {
    let parts = &receipt.parts;
    match (&parts.passkey, &parts.decision) {
        (Some(said), Some(decision)) => {
            // The device may know the issuer by another of its addresses.
            let issuers = [Some(receipt.said.issuer.as_str()), signed.map(|said| &*said.issuer)];
            let issuers: Vec<&str> = issuers.into_iter().flatten().collect();
            let checked = confirmation::check(said, decision, &issuers);
            checked.map(Some).map_err(|why| at(Place::Passkey, why))
        }
        (Some(_), None) => Err(at(Place::Passkey, "it is shown without what it confirms")),
        (None, Some(_))
            if receipt.said.is_approved
                && content.is_verification_required
                && receipt.hidden == 0 =>
        {
            Err(at(Place::Passkey, "the words demand one, and there is none"))
        }
        (None, _) => Ok(None),
    }
}

/// D20: enrolled, asked, answered, written, over. The device has a clock of its own.
fn times(receipt: &Receipt, content: &Content, decision: Option<&Said>) -> Result<(), Fault> {
    let fault = |why: &str| Err(at(Place::Times, why));
    let written = receipt.said.issued_at;
    if written < content.created_at || written > content.expires_at {
        return fault("it was written before the request began or after its end");
    }
    if receipt.parts.device.as_ref().is_some_and(|device| device.enrolled_at > written) {
        return fault("the device enrolled after its decision");
    }
    let Some(decision) = decision else { return Ok(()) };
    let (from, to) = (content.created_at - WINDOW_S, written + WINDOW_S);
    if !(from..=to).contains(&(decision.issued_at_ms / 1000)) {
        return fault("the device signed before the request began or after the receipt");
    }
    Ok(())
}
