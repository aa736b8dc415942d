//! The signature algorithms we know, each with the one type of key it fits.

use aws_lc_rs::signature::{self, RsaParameters};

/// What a key can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// Ed25519.
    Ed25519,
}

macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident $name:literal $key:ident;)*) => {
        /// An asymmetric JWS algorithm. `none` and HS256 are not among them, on purpose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Algorithm { $($(#[$doc])* $variant,)* }

        impl Algorithm {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name we issue it under.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The only type of key it fits.
            pub const fn key_type(self) -> KeyType {
                match self { $(Self::$variant => KeyType::$key,)* }
            }
        }
    };
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 "RS256" Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384 "RS384" Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512 "RS512" Rsa;
    /// RSASSA-PSS with SHA-256.
    Ps256 "PS256" Rsa;
    /// RSASSA-PSS with SHA-384.
    Ps384 "PS384" Rsa;
    /// RSASSA-PSS with SHA-512.
    Ps512 "PS512" Rsa;
    /// ECDSA on P-256 with SHA-256.
    Es256 "ES256" P256;
    /// ECDSA on P-384 with SHA-384.
    Es384 "ES384" P384;
    /// `Ed25519`, of which `EdDSA` is the older name.
    Ed25519 "Ed25519" Ed25519;
}

impl Algorithm {
    /// The algorithm of that name. `EdDSA` and `Ed25519` are the same (decision 33).
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "EdDSA" => Some(Self::Ed25519),
            _ => Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name),
        }
    }

    /// Whether it is RSASSA-PKCS1-v1_5, which FAPI does not take (F17).
    pub const fn is_pkcs1(self) -> bool {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => true,
            Self::Ps256 | Self::Ps384 | Self::Ps512 | Self::Es256 | Self::Es384 | Self::Ed25519 => {
                false
            }
        }
    }

    /// Every name it is accepted under, for metadata.
    pub const fn accepted_names(self) -> &'static [&'static str] {
        match self {
            Self::Rs256 => &["RS256"],
            Self::Rs384 => &["RS384"],
            Self::Rs512 => &["RS512"],
            Self::Ps256 => &["PS256"],
            Self::Ps384 => &["PS384"],
            Self::Ps512 => &["PS512"],
            Self::Es256 => &["ES256"],
            Self::Es384 => &["ES384"],
            Self::Ed25519 => &["Ed25519", "EdDSA"],
        }
    }

    /// How aws-lc-rs verifies the RSA ones.
    pub(super) const fn rsa_parameters(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 | Self::Es384 | Self::Ed25519 => None,
        }
    }
}

impl KeyType {
    /// The algorithm we sign with by default.
    pub const fn default_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::Ed25519 => Algorithm::Ed25519,
        }
    }

    /// `kty` of its JWK.
    pub const fn kty(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 | Self::P384 => "EC",
            Self::Ed25519 => "OKP",
        }
    }
}
