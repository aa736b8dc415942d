//! A passkey's confirmation of a decision (D14), as far as it can be checked from a receipt: that the
//! credential's key signed it, over this very decision, with the person verified.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::aizuchi::receipt::Confirmation;
use serde_json::Value;

use crate::jose::{KeyType, PublicKey, fixed_signature, json};

/// What stands in front of the signing input, ended by a zero byte.
const LABEL: &[u8] = b"aizuchi-decision\0";
/// The name of a sign-in in the client's data.
const GET: &str = "webauthn.get";
/// The relying party's hash, then the flags.
const HASH_BYTES: usize = 32;
const USER_IS_VERIFIED: u8 = 0x04;

/// What a confirmation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The page that asked for it.
    pub origin: String,
}

/// Checks a confirmation of `decision`. The relying party is the page's host or a domain above it
/// (WebAuthn 5.1.3), or a host of the `issuers`, who took it from an origin that the tenant names.
pub(super) fn check(
    said: &Confirmation,
    decision: &str,
    issuers: &[&str],
) -> Result<Confirmed, String> {
    let key = PublicKey::from_jwk(&said.key).map_err(|error| error.to_string())?;
    let data = decoded("authenticatorData", &said.authenticator_data)?;
    let client = decoded("clientDataJSON", &said.client_data)?;
    let signature = decoded("signature", &said.signature)?;
    let message = [data.as_slice(), digest(&SHA256, &client).as_ref()].concat();
    // WebAuthn 6.5.5: ECDSA signatures are DER there, and not in a JWS.
    let signature = match key.key_type() {
        KeyType::P256 => fixed_signature(&signature, 32),
        KeyType::P384 => fixed_signature(&signature, 48),
        KeyType::Rsa | KeyType::Ed25519 => Some(signature),
    };
    let algorithm = key.key_type().default_algorithm();
    if !signature.is_some_and(|signature| key.verifies(algorithm, &message, &signature)) {
        return Err(String::from("the signature is not by the credential's key"));
    }
    let client = json::parse_object(&client).map_err(|error| format!("clientDataJSON: {error}"))?;
    let text = |name: &str| client.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("type") != GET {
        return Err(String::from("it is no confirmation"));
    }
    let input = decision.rsplit_once('.').map(|(input, _)| input).unwrap_or_default();
    let challenge = digest(&SHA256, &[LABEL, input.as_bytes()].concat());
    if text("challenge") != URL_SAFE_NO_PAD.encode(challenge) {
        return Err(String::from("it confirms another decision"));
    }
    let origin = text("origin");
    let (told, flags) = data.split_at_checked(HASH_BYTES).unwrap_or_default();
    let is_told = |host: &str| digest(&SHA256, host.as_bytes()).as_ref() == told;
    let is_ours = |issuer: &&str| host_of(issuer).is_some_and(|host| is_told(&host));
    let of_page = host_of(origin).is_some_and(|host| parties(&host).any(is_told));
    if !of_page && !issuers.iter().any(is_ours) {
        return Err(String::from("it is for another party than the page it was asked on"));
    }
    if flags.first().is_none_or(|flags| flags & USER_IS_VERIFIED == 0) {
        return Err(String::from("the person was not verified"));
    }
    Ok(Confirmed { origin: origin.to_owned() })
}

fn host_of(address: &str) -> Option<String> {
    url::Url::parse(address).ok()?.host_str().map(str::to_owned)
}

/// The relying parties that a page of `host` may ask for: the host, and the domains above it but
/// for the topmost one. `localhost` stands for itself. An address has nothing above it.
fn parties(host: &str) -> impl Iterator<Item = &str> {
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    let is_party = |domain: &&str| domain.contains('.') || *domain == "localhost";
    let all = std::iter::successors(above(&host).filter(|_| !is_address), above);
    std::iter::once(host).chain(all.filter(is_party))
}

/// The domain above one.
fn above<'h>(domain: &&'h str) -> Option<&'h str> {
    domain.split_once('.').map(|(_, above)| above)
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64url| format!("{name} is not base64url"))
}
