//! The public keys of a client that proves itself by its own set, `jwks` or `jwks_uri`.

use std::ops::Deref;

use domain::Timestamp;
use domain::ciba::signed_request;
use domain::jose::{Algorithm, Jwk, PublicKey, Unverified, assertion, candidates};
use domain::oauth::refusal::{Reason, Refusal};

use crate::App;
use crate::client_keys::Keys;
use crate::known::KnownClient;
use crate::presented::Presented;
use crate::tenancy::Context;

/// The keys of a set.
pub(super) enum Set<'a> {
    /// As they stand in the client's document.
    Own(&'a [Jwk]),
    /// As they were fetched.
    Fetched(Keys),
}

impl Deref for Set<'_> {
    type Target = [Jwk];

    fn deref(&self) -> &[Jwk] {
        match self {
            Self::Own(keys) => keys,
            Self::Fetched(keys) => keys,
        }
    }
}

/// The set of a client; fetched again if `is_known` finds nothing in it. The refusal tells the log
/// why there is none.
pub(super) async fn set_of<'k>(
    app: &App,
    context: &Context,
    (known, reason): (&'k KnownClient, Reason),
    is_known: &(dyn Fn(&[Jwk]) -> bool + Sync),
    now: Timestamp,
) -> Result<Set<'k>, Refusal> {
    let Some(address) = &known.client().jwks_uri else {
        return Ok(Set::Own(&known.client().jwks));
    };
    let place = (&context.tenant.id, address.as_str());
    let keys = app.client_keys.of(app.outbound.as_ref(), place, is_known, now);
    match Box::pin(keys).await {
        Ok(keys) => Ok(Set::Fetched(keys)),
        Err(why) => Err(Refusal::from(reason).noting(why)),
    }
}

/// The keys that an assertion of this client may be signed with.
pub(super) async fn assertion_keys(
    app: &App,
    context: &Context,
    known: &KnownClient,
    jwt: &str,
    now: Timestamp,
) -> Result<Vec<(PublicKey, Algorithm)>, Refusal> {
    let kid = assertion::unverified_kid(jwt);
    let kid = kid.as_deref();
    let is_known = |keys: &[Jwk]| keys.iter().any(|key| key.is_named(kid));
    let set = set_of(app, context, (known, Reason::BadCredentials), &is_known, now).await?;
    let client = known.client();
    let takes_pkcs1 = client.profile.rules().takes_pkcs1;
    let is_taken = |alg: Algorithm| {
        (takes_pkcs1 || !alg.is_pkcs1()) && client.assertion_alg.is_none_or(|own| own == alg)
    };
    Ok(candidates(&set, kid, is_taken))
}

/// Whether a certificate is one of the set (RFC 8705 2.2): the very one, where the set gives
/// certificates, or one of a key of it.
pub(super) async fn has_certificate(
    app: &App,
    context: &Context,
    known: &KnownClient,
    presented: &Presented,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let certificate = &presented.certificate;
    let Ok(key) = PublicKey::from_certificate(certificate.der()) else { return Ok(false) };
    let is_it = |jwk: &Jwk| match &jwk.certificate {
        Some(thumbprint) => thumbprint == certificate.thumbprint(),
        None => jwk.key == key,
    };
    let is_known = |keys: &[Jwk]| keys.iter().any(is_it);
    let set = set_of(app, context, (known, Reason::BadCredentials), &is_known, now).await?;
    Ok(is_known(&set))
}

/// The fetched keys that a signed request of this client may be signed with.
pub(super) async fn request_keys(
    app: &App,
    context: &Context,
    known: &KnownClient,
    jwt: &str,
    now: Timestamp,
) -> Result<Vec<Jwk>, Refusal> {
    let token = Unverified::parse(jwt, signed_request::MAX_REQUEST_BYTES).ok();
    let kid = token.and_then(|token| token.header().kid.clone());
    let is_known = |keys: &[Jwk]| keys.iter().any(|key| key.is_named(kid.as_deref()));
    let set = set_of(app, context, (known, Reason::BadSignedRequest), &is_known, now).await?;
    Ok(set.to_vec())
}
