//! The relying party of a tenant's passkeys, and the only place beside the operators' own that knows
//! `webauthn-rs`: passkeys of people, which confirm what they decide (D14).
//!
//! A new passkey answers a challenge that is kept and taken once. An assertion answers none that was
//! made: its challenge is the hash of what it confirms, so that it can stand for nothing else
//! (crates 4.6).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::aizuchi::receipt::Confirmation;
use domain::Fingerprint;
use serde_json::{Value, json};
use store::passkeys::Passkey as Row;
use url::Url;
use webauthn_rs::prelude::{
    COSEKey, COSEKeyType, ECDSACurve, Passkey, PasskeyAuthentication, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Uuid, Webauthn, WebauthnBuilder,
};

use crate::failure::Broken;
use crate::tenancy::Context;

/// Who asks for a passkey: a host of the tenant.
pub(super) struct Party {
    webauthn: Webauthn,
    /// The host.
    pub(super) id: String,
}

/// Whose passkey is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    /// What authenticators know them by: nothing that means anything elsewhere.
    pub(super) handle: Fingerprint,
    /// What they are called.
    pub(super) name: &'a str,
}

/// A passkey that was made.
pub(super) struct Made {
    /// SHA-256 of the credential's id.
    pub(super) id: Fingerprint,
    /// What is kept of it.
    pub(super) document: String,
}

/// What a passkey has confirmed.
#[derive(Clone, Debug)]
pub(super) struct Confirmed {
    /// The passkey as it was.
    pub(super) was: Row,
    /// What is kept of it from now on.
    pub(super) document: String,
    /// What shows it to others.
    pub(super) proof: Confirmation,
}

/// The relying party that a page or program reached as `host`, with further origins than the tenant's
/// own.
pub(super) fn party(context: &Context, host: &str, more: &[String]) -> Result<Party, Broken> {
    let known: Vec<Url> =
        context.base.all.iter().filter_map(|address| Url::parse(address).ok()).collect();
    let is_called = |url: &&Url| {
        let name = url.host_str().unwrap_or_default();
        crate::tenancy::same_host(name, host)
    };
    let origin = known.iter().find(is_called).or_else(|| known.first());
    let origin = origin.ok_or_else(|| Broken::because("the tenant has no address"))?;
    let id = origin.host_str().unwrap_or_default();
    let mut builder = WebauthnBuilder::new(id, origin)
        .map_err(Broken::because)?
        .rp_name(&context.tenant.display_name);
    for other in known.iter().filter(|url| url.host_str() == Some(id)) {
        builder = builder.append_allowed_origin(other);
    }
    for other in more.iter().filter_map(|origin| Url::parse(origin).ok()) {
        builder = builder.append_allowed_origin(&other);
    }
    Ok(Party { webauthn: builder.build().map_err(Broken::because)?, id: id.to_owned() })
}

impl Party {
    /// The ceremonies themselves.
    pub(super) const fn webauthn(&self) -> &Webauthn {
        &self.webauthn
    }

    /// Those of the person's passkeys that are for this party.
    pub(super) fn own<'r>(&self, rows: &'r [Row]) -> impl Iterator<Item = &'r Row> {
        let id = self.id.clone();
        rows.iter().filter(move |row| row.rp_id == id)
    }

    /// What a new passkey is asked for: `publicKey` of a browser, and what the answer is checked
    /// against.
    pub(super) fn begin(&self, owner: Owner<'_>, known: &[Row]) -> Result<(Value, String), Broken> {
        let excluded = self.own(known).map(|row| Ok(read(row)?.cred_id().clone()));
        let excluded = excluded.collect::<Result<Vec<_>, Broken>>()?;
        let mut handle = [0; 16];
        handle.iter_mut().zip(owner.handle.as_bytes()).for_each(|(to, from)| *to = *from);
        let handle = Uuid::from_bytes(handle);
        let (options, state) = self
            .webauthn
            .start_passkey_registration(handle, owner.name, owner.name, Some(excluded))
            .map_err(Broken::because)?;
        let mut options = serde_json::to_value(options).map_err(Broken::because)?;
        let options = options.get_mut("publicKey").map(Value::take).unwrap_or_default();
        Ok((options, serde_json::to_string(&state).map_err(Broken::because)?))
    }

    /// The passkey that answered; or why it is none.
    pub(super) fn finish(
        &self,
        (credential, state): (&Value, &str),
    ) -> Result<Result<Made, String>, Broken> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(Broken::because)?;
        let credential: RegisterPublicKeyCredential =
            match serde_json::from_value(credential.clone()) {
                Ok(credential) => credential,
                Err(error) => return Ok(Err(error.to_string())),
            };
        match self.webauthn.finish_passkey_registration(&credential, &state) {
            Ok(passkey) => Ok(Ok(Made {
                id: Fingerprint::of(passkey.cred_id().as_ref()),
                document: serde_json::to_string(&passkey).map_err(Broken::because)?,
            })),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// What one of the person's passkeys has confirmed by answering `challenge`; or why nothing.
    pub(super) fn confirm(
        &self,
        (assertion, rows): (&Value, &[Row]),
        challenge: &[u8; 32],
    ) -> Result<Result<Confirmed, String>, Broken> {
        let said: PublicKeyCredential = match serde_json::from_value(assertion.clone()) {
            Ok(said) => said,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let id = Fingerprint::of(said.raw_id.as_ref());
        let Some(was) = self.own(rows).find(|row| row.id == id) else {
            return Ok(Err(String::from("it is no passkey of this person here")));
        };
        let mut passkey = read(was)?;
        let (_, state) = self
            .webauthn
            .start_passkey_authentication(std::slice::from_ref(&passkey))
            .map_err(Broken::because)?;
        let state = challenged(&state, challenge)?;
        let result = match self.webauthn.finish_passkey_authentication(&said, &state) {
            Ok(result) if result.user_verified() => result,
            Ok(_) => return Ok(Err(String::from("nobody was verified"))),
            Err(error) => return Ok(Err(error.to_string())),
        };
        // `None`: another credential. Whether anything changed does not matter here.
        let _changed = passkey.update_credential(&result);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let proof = Confirmation {
            key: jwk(passkey.get_public_key()),
            authenticator_data: text(said.response.authenticator_data.as_ref()),
            client_data: text(said.response.client_data_json.as_ref()),
            signature: text(said.response.signature.as_ref()),
        };
        let document = serde_json::to_string(&passkey).map_err(Broken::because)?;
        Ok(Ok(Confirmed { was: was.clone(), document, proof }))
    }
}

/// The credential's id as browsers want it.
pub(super) fn credential_id(row: &Row) -> Result<String, Broken> {
    Ok(URL_SAFE_NO_PAD.encode(read(row)?.cred_id()))
}

fn read(row: &Row) -> Result<Passkey, Broken> {
    serde_json::from_str(&row.document).map_err(Broken::because)
}

/// The state of a ceremony with our own challenge in place of the one that was drawn.
fn challenged(
    state: &PasskeyAuthentication,
    challenge: &[u8; 32],
) -> Result<PasskeyAuthentication, Broken> {
    let mut state = serde_json::to_value(state).map_err(Broken::because)?;
    let place = state.pointer_mut("/ast/challenge");
    let place = place.ok_or_else(|| Broken::because("a ceremony's state has no challenge"))?;
    *place = URL_SAFE_NO_PAD.encode(challenge).into();
    serde_json::from_value(state).map_err(Broken::because)
}

/// The key of a credential as a JWK.
fn jwk(key: &COSEKey) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match &key.key {
        COSEKeyType::EC_EC2(point) => {
            let curve = match point.curve {
                ECDSACurve::SECP256R1 => "P-256",
                ECDSACurve::SECP384R1 => "P-384",
                ECDSACurve::SECP521R1 => "P-521",
            };
            json!({ "kty": "EC", "crv": curve, "x": text(&point.x), "y": text(&point.y) })
        }
        COSEKeyType::RSA(key) => json!({ "kty": "RSA", "n": text(&key.n), "e": text(&key.e) }),
        COSEKeyType::EC_OKP(point) => {
            json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&point.x) })
        }
    }
}
