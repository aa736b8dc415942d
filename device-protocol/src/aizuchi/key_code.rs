//! The short code that a person compares on two screens (D4): of the new key, so that nobody can put
//! another device in between unseen.
//!
//! ```
//! use device_protocol::aizuchi::key_code;
//!
//! // The SHA-256 thumbprint (RFC 7638) of RFC 7517's first example key.
//! let thumbprint = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s";
//! # use base64::Engine as _;
//! # let thumbprint = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(thumbprint).unwrap();
//! assert_eq!(key_code(&thumbprint.try_into().unwrap()), "OJ7-YR7");
//! ```

/// RFC 4648, section 6.
const ALPHABET: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters in front of the hyphen, and behind it.
const HALF: u32 = 3;
/// Bits of a letter.
const LETTER_BITS: u32 = 5;

/// The first 30 bits of a key's thumbprint in base32, as `ABC-DEF`.
pub fn key_code(thumbprint: &[u8; 32]) -> String {
    let [first, second, third, fourth, ..] = *thumbprint;
    let bits = u32::from_be_bytes([first, second, third, fourth]);
    let mut code = String::new();
    for place in 0..2 * HALF {
        if place == HALF {
            code.push('-');
        }
        let letter = (bits >> (u32::BITS - LETTER_BITS * (place + 1))) & 0x1f;
        let letter = usize::try_from(letter).ok().and_then(|letter| ALPHABET.get(letter));
        code.extend(letter.map(|letter| char::from(*letter)));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::key_code;

    #[test]
    fn a_code_is_of_the_first_thirty_bits() {
        let mut thumbprint = [0; 32];
        assert_eq!(key_code(&thumbprint), "AAA-AAA");
        thumbprint[3] = 0b11;
        thumbprint[31] = 0xff;
        assert_eq!(key_code(&thumbprint), "AAA-AAA");
        thumbprint[3] = 0b100;
        assert_eq!(key_code(&thumbprint), "AAA-AAB");
        assert_eq!(key_code(&[0xff; 32]), "777-777");
        // RFC 8037's key, whose thumbprint begins so.
        thumbprint[..4].copy_from_slice(&[0x90, 0xfa, 0xca, 0xfe]);
        assert_eq!(key_code(&thumbprint), "SD5-MV7");
    }
}
