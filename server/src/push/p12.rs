//! Client certificates in PKCS#12, without a password, as Auth0's Management API takes them.

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};

/// A key with its certificate and those that vouch for it fit in here.
const P12_BYTES: usize = 32 * 1024;
/// Certificates of one chain.
const CHAIN: usize = 5;
/// scrypt (RFC 7914) as a DER object identifier: it would let a file choose how much memory we use.
const SCRYPT: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x04, 0x0B];

/// The private key as PKCS#8, then the certificates, leaf first; all DER.
pub(super) type Unpacked = (Vec<u8>, Vec<Vec<u8>>);

/// Unpacks the first private key and its chain. Deriving keys from the empty password may take a
/// second: not for a thread that others wait for.
pub(super) fn unpack(p12: &[u8]) -> Result<Unpacked, String> {
    if p12.len() > P12_BYTES {
        return Err(format!("it is longer than {P12_BYTES} bytes"));
    }
    if p12.windows(SCRYPT.len()).any(|window| window == SCRYPT) {
        return Err(String::from("it is encrypted with scrypt; export it again with PBES2"));
    }
    let file = KeyStore::from_pkcs12(p12, "", Pkcs12ImportPolicy::Strict).map_err(|error| {
        format!("it does not open ({error}); export it in PKCS#12 with an empty password")
    })?;
    let (_, chain) = file
        .private_key_chain()
        .ok_or("it holds no private key with its certificate; export both together")?;
    let certificates: Vec<Vec<u8>> =
        chain.certs().iter().take(CHAIN).map(|one| one.as_der().to_vec()).collect();
    Ok((chain.key().as_der().to_vec(), certificates))
}
