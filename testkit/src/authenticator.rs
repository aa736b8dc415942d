//! A passkey authenticator, as small as it can be: one ES256 credential that its owner has
//! unlocked. What it says has the shapes that browsers give to pages.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const USER_IS_PRESENT: u8 = 0x01;
const USER_IS_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

/// An authenticator.
#[derive(Debug)]
pub struct Authenticator {
    key: EcdsaKeyPair,
    user: String,
    /// Whether it checks who holds it.
    pub verifies_user: bool,
    /// The id of its credential.
    pub id: [u8; 32],
}

impl Default for Authenticator {
    fn default() -> Self {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref()).unwrap();
        Self { key, user: String::new(), verifies_user: true, id: [9; 32] }
    }
}

impl Authenticator {
    /// Another one, whose credential has an id of its own.
    pub fn numbered(number: u8) -> Self {
        Self { id: [number; 32], ..Self::default() }
    }

    /// Makes its credential for what a server offers to a page of `origin`.
    pub fn creates(&mut self, options: &Value, origin: &str) -> Value {
        options["user"]["id"].as_str().unwrap().clone_into(&mut self.user);
        let rp = options["rp"]["id"].as_str().unwrap();
        let client = client_data("webauthn.create", options, origin);
        let mut data = self.data(rp, HAS_CREDENTIAL);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(self.id);
        data.extend(self.cose_key());
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt");
        attestation.push(0x64);
        attestation.extend(b"none");
        attestation.push(0x67);
        attestation.extend(b"attStmt");
        attestation.extend([0xa0, 0x68]);
        attestation.extend(b"authData");
        attestation.extend([0x58, u8::try_from(data.len()).unwrap()]);
        attestation.extend(data);
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "extensions": {},
            "response": {
                "clientDataJSON": text(&client),
                "attestationObject": text(&attestation),
            },
        })
    }

    /// Answers a sign-in on a page of `origin`.
    pub fn answers(&self, options: &Value, origin: &str) -> Value {
        let client = client_data("webauthn.get", options, origin);
        let data = self.data(options["rpId"].as_str().unwrap(), 0);
        let signed = [data.as_slice(), digest(&SHA256, &client).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": text(&self.id), "rawId": text(&self.id), "type": "public-key", "extensions": {},
            "response": {
                "clientDataJSON": text(&client),
                "authenticatorData": text(&data),
                "signature": text(signature.as_ref()),
                "userHandle": self.user,
            },
        })
    }

    fn data(&self, rp: &str, more: u8) -> Vec<u8> {
        let verified = if self.verifies_user { USER_IS_VERIFIED } else { 0 };
        let mut data = digest(&SHA256, rp.as_bytes()).as_ref().to_vec();
        data.push(USER_IS_PRESENT | verified | more);
        data.extend([0; 4]);
        data
    }

    /// The public key as CBOR: EC2, ES256, P-256.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        key.extend(&point[1..33]);
        key.extend([0x22, 0x58, 0x20]);
        key.extend(&point[33..65]);
        key
    }
}

fn client_data(kind: &str, options: &Value, origin: &str) -> Vec<u8> {
    let said = json!({
        "type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": false,
    });
    said.to_string().into_bytes()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
