//! The names of things: one type each, so that none can be passed for another.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Timestamp;

macro_rules! text_names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as the name, unchecked: whether it names anything is a look-up.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_names! {
    /// A tenant: the short name that `/t/{tenant}` carries.
    TenantId;
    /// An OAuth client, 32 alphanumerics when we make it.
    ClientId;
    /// A person, `auth0|` + 24 hex or the id of another connection. The `sub` of tokens.
    UserId;
    /// An enrollment of a device, `dev_` + 16 alphanumerics.
    DeviceId;
    /// A consent record, `cns_` + 22 characters of `[A-Za-z0-9-_]`: the device's `txlnkid`.
    ConsentId;
}

/// A transaction's own, public name: the `txn` of tokens and logs (decision 12).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId([u8; 16]);

impl TransactionId {
    /// Takes 16 bytes as the name.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new name: 6 bytes of Unix milliseconds and 10 random ones, as UUIDs of version 7 have
    /// them (RFC 9562 5.7).
    pub fn begun_at(now: Timestamp, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        let time = now.ms().to_be_bytes().into_iter().skip(2);
        bytes.iter_mut().zip(time.chain(random)).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        const DIGITS: usize = 32;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_name = text.len() == DIGITS && text.bytes().all(is_digit);
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_name)?;
        Some(Self(number.to_be_bytes()))
    }

    /// The moment that the name begins with.
    pub const fn moment(&self) -> Moment {
        let [_, _, a, b, c, d, ..] = self.0;
        Moment([a, b, c, d])
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TransactionId {
    /// 32 lower-case hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionId({self})")
    }
}

/// What secrets of one time begin with: the low 32 bits of Unix milliseconds. It is no secret, and
/// decides nothing but where a row lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment([u8; 4]);

impl Moment {
    /// Characters of base64url that hold one, with two bytes to spare.
    const CHARACTERS: usize = 8;

    /// This time's.
    pub const fn of(at: Timestamp) -> Self {
        let [.., a, b, c, d] = at.ms().to_be_bytes();
        Self([a, b, c, d])
    }

    /// The one that a base64url text begins with; of a text that is none, always the same.
    pub fn leading(text: &str) -> Self {
        let bytes = text.get(..Self::CHARACTERS).map(|text| URL_SAFE_NO_PAD.decode(text));
        match bytes.as_ref().and_then(|bytes| bytes.as_deref().ok()) {
            Some([a, b, c, d, ..]) => Self([*a, *b, *c, *d]),
            Some(_) | None => Self::default(),
        }
    }

    /// The 4 bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

/// SHA-256 of something with full entropy that is only ever compared: a client secret, a refresh
/// token, an `auth_req_id`, a ticket, a `txtkn` (architecture 4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes the 32 bytes of a SHA-256.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of `secret`.
    pub fn of(secret: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// The SHA-256 of `secret`, its first four bytes replaced by the moment: fingerprints of one time
    /// lie together in an index, so that few of its pages are written. 224 bits of the hash remain.
    pub fn filed(moment: Moment, secret: &[u8]) -> Self {
        let Self(mut bytes) = Self::of(secret);
        bytes.iter_mut().zip(moment.0).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `secret` is what this was made of, in constant time.
    pub fn matches(&self, secret: &[u8]) -> bool {
        let other = Self::of(secret);
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}
