//! Tokens as a resource server or a client looks at them: with the published keys alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::{Algorithm, PublicKey, Unverified};
use serde_json::Value;

use crate::world::World;

const ALL: [Algorithm; 5] =
    [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Es256, Algorithm::Rs384];
const MOST_BYTES: usize = 16 * 1024;

/// A token whose signature is right.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its header.
    pub header: Value,
    /// Its claims.
    pub claims: Value,
}

pub(crate) async fn verified(world: &World, token: &str) -> Token {
    let keys = world.get(".well-known/jwks.json").await.json();
    let [header, claims] = [0, 1].map(|part| {
        let part = token.split('.').nth(part).unwrap_or_else(|| panic!("no JWT: {token}"));
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    });
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]);
    let key = key.unwrap_or_else(|| panic!("the key set lacks {}", header["kid"]));
    assert_eq!(key["alg"], header["alg"], "what the key set says the key is for");
    let key = PublicKey::from_jwk(key).unwrap();
    let unverified = Unverified::parse(token, MOST_BYTES).unwrap();
    unverified.verify(&key, &ALL).unwrap();
    Token { header, claims }
}
