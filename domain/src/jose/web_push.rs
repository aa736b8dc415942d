//! Messages for a push subscription: RFC 8291 over the `aes128gcm` coding of RFC 8188, one record.
//!
//! The keys of a subscription are chosen by a stranger: they are read here, once, and refused by
//! name. Randomness is an argument, so that the RFC's own example is a test.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// An uncompressed point of P-256.
pub const POINT_BYTES: usize = 65;
/// The receiver's secret.
const AUTH_BYTES: usize = 16;
/// What is random about a message: the salt, and the sender's one-time key.
pub const RANDOM_BYTES: usize = SALT_BYTES + 32;
const SALT_BYTES: usize = 16;
/// The size of a record, as the header says it; ours are shorter.
const RECORD_BYTES: u32 = 4096;
/// Push services take 4096 bytes (RFC 8030 7.2): header, tag and delimiter leave this.
pub const MAX_PLAIN_BYTES: usize = 3993;
/// Behind the last record's text (RFC 8188 2).
const LAST_RECORD: u8 = 2;

/// Browsers write no padding, some programs do.
const TEXT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys of a subscription.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    point: [u8; POINT_BYTES],
    auth: [u8; AUTH_BYTES],
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver(…)")
    }
}

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// `p256dh` is no point of P-256.
    Point,
    /// `auth` has another length than 16 bytes.
    Auth,
    /// The text is longer than a push service takes.
    TooLong,
    /// The random bytes make no key; others will.
    Unlucky,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Point => "p256dh is no uncompressed point of P-256 in base64url",
            Self::Auth => "auth is not 16 bytes in base64url",
            Self::TooLong => "the message is longer than push services take",
            Self::Unlucky => "the random bytes make no key",
        })
    }
}

impl std::error::Error for MessageError {}

impl Receiver {
    /// Reads `p256dh` and `auth` as subscriptions have them.
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, MessageError> {
        let decode = |text: &str| TEXT.decode(text).ok();
        let point = decode(p256dh).and_then(|bytes| <[u8; POINT_BYTES]>::try_from(bytes).ok());
        let point = point.ok_or(MessageError::Point)?;
        if point.first() != Some(&4) {
            return Err(MessageError::Point);
        }
        let auth = decode(auth).and_then(|bytes| <[u8; AUTH_BYTES]>::try_from(bytes).ok());
        let receiver = Self { point, auth: auth.ok_or(MessageError::Auth)? };
        // A point beside the curve agrees with no key.
        receiver.shared(&some_key()?).map(|_secret| receiver)
    }

    /// The body of a message that only this subscription's owner can read.
    pub fn seal(&self, plain: &[u8], random: &[u8; RANDOM_BYTES]) -> Result<Vec<u8>, MessageError> {
        if plain.len() > MAX_PLAIN_BYTES {
            return Err(MessageError::TooLong);
        }
        let (salt, private) = random.split_at(SALT_BYTES);
        let private = PrivateKey::from_private_key(&ECDH_P256, private)
            .map_err(|_out_of_range| MessageError::Unlucky)?;
        let public = private.compute_public_key().map_err(|_never| MessageError::Unlucky)?;
        let shared = self.shared(&private)?;
        let info = [b"WebPush: info\0".as_slice(), &self.point, public.as_ref()].concat();
        let material = derive(&self.auth, &shared, &info);
        let key = derive(salt, &material, b"Content-Encoding: aes128gcm\0");
        let nonce = derive(salt, &material, b"Content-Encoding: nonce\0");
        let (key, _) = key.split_at(AES_128_GCM.key_len());
        let key = UnboundKey::new(&AES_128_GCM, key).map_err(|_never| MessageError::Unlucky)?;
        let (nonce, _) = nonce.split_at(AES_128_GCM.nonce_len());
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_never| MessageError::Unlucky)?;
        let mut record = plain.to_vec();
        record.push(LAST_RECORD);
        LessSafeKey::new(key)
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut record)
            .map_err(|_never| MessageError::Unlucky)?;
        let mut body = salt.to_vec();
        body.extend(RECORD_BYTES.to_be_bytes());
        body.push(u8::try_from(POINT_BYTES).unwrap_or(u8::MAX));
        body.extend(public.as_ref());
        body.append(&mut record);
        Ok(body)
    }

    fn shared(&self, private: &PrivateKey) -> Result<Vec<u8>, MessageError> {
        let peer = UnparsedPublicKey::new(&ECDH_P256, self.point.as_slice());
        agreement::agree(private, peer, MessageError::Point, |secret| Ok(secret.to_vec()))
    }
}

/// A key that everybody knows, to try points on.
fn some_key() -> Result<PrivateKey, MessageError> {
    PrivateKey::from_private_key(&ECDH_P256, &[1; 32]).map_err(|_never| MessageError::Unlucky)
}

/// HKDF-SHA256 for no more than one block: 32 bytes, of which callers take what they need.
fn derive(salt: &[u8], material: &[u8], info: &[u8]) -> [u8; 32] {
    let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), material);
    let mut expand =
        hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()));
    expand.update(info);
    expand.update(&[1]);
    let mut block = [0; 32];
    block.copy_from_slice(expand.sign().as_ref());
    block
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// RFC 8291, appendix A.
    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    const MESSAGE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZ\
        wbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    fn random() -> [u8; RANDOM_BYTES] {
        let decode = |text| URL_SAFE_NO_PAD.decode(text).unwrap();
        [decode(SALT), decode(PRIVATE)].concat().try_into().unwrap()
    }

    /// O440: the message of RFC 8291, appendix A, byte by byte.
    #[test]
    fn the_example_of_the_specification_comes_out() {
        let receiver = Receiver::parse(P256DH, AUTH).unwrap();
        let plain = b"When I grow up, I want to be a watermelon";
        let message = receiver.seal(plain, &random()).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(message), MESSAGE);
    }

    #[test]
    fn keys_are_read_with_and_without_padding() {
        let plain = Receiver::parse(P256DH, AUTH).unwrap();
        assert_eq!(Receiver::parse(&format!("{P256DH}="), &format!("{AUTH}==")).unwrap(), plain);
    }

    #[test]
    fn keys_of_another_kind_are_refused_by_name() {
        for point in ["", "AAAA", "not base64!", &"A".repeat(87), &P256DH.replace('x', "y")] {
            assert_eq!(Receiver::parse(point, AUTH), Err(MessageError::Point), "{point}");
        }
        for auth in ["", "BTBZ", "BTBZMqHH6r4Tts7J_aSIggAA"] {
            assert_eq!(Receiver::parse(P256DH, auth), Err(MessageError::Auth), "{auth}");
        }
    }

    #[test]
    fn what_push_services_would_not_take_is_not_sealed() {
        let receiver = Receiver::parse(P256DH, AUTH).unwrap();
        let longest = receiver.seal(&[7; MAX_PLAIN_BYTES], &random()).unwrap();
        assert_eq!(longest.len(), 4096);
        let longer = receiver.seal(&[7; MAX_PLAIN_BYTES + 1], &random());
        assert_eq!(longer, Err(MessageError::TooLong));
        assert_eq!(receiver.seal(b"x", &[0; RANDOM_BYTES]), Err(MessageError::Unlucky));
    }
}
