//! PEM: one block out of a text, text around it ignored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// No key or certificate we take is larger as text.
pub(super) const MAX_PEM_BYTES: usize = 32 * 1024;

/// The bytes of a text's first block, if that is a certificate.
pub fn certificate_in_pem(text: &str) -> Option<Vec<u8>> {
    first_block(text).filter(|(label, _)| *label == "CERTIFICATE").map(|(_, der)| der.to_vec())
}

/// The label of the first block and its bytes. Wiped when dropped: it may be a private key.
pub(super) fn first_block(text: &str) -> Option<(&str, Zeroizing<Vec<u8>>)> {
    if text.len() > MAX_PEM_BYTES {
        return None;
    }
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let ending = rest.strip_prefix(label)?;
    if !ending.starts_with("-----") {
        return None;
    }
    let packed: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let bytes = STANDARD.decode(packed.as_bytes()).ok()?;
    Some((label, Zeroizing::new(bytes)))
}
