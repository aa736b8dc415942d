//! Who a submission comes from, and whether it proves that (W19 to W41).

use std::fmt;

use domain::jose::assertion::{self, Audience};
use domain::jose::{Algorithm, PublicKey};
use domain::oauth::client::{AssertionAudience, Authentication};
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{ClientId, Fingerprint, Timestamp};
use percent_encoding::percent_decode_str;
use store::{Written, replays};

use super::key_sets;
use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::presented::Presented;
use crate::tenancy::Context;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The credentials of an `Authorization: Basic` header, as they stood there.
#[derive(Clone)]
pub struct Basic {
    /// Before the first colon.
    pub user: String,
    /// Behind it.
    pub password: String,
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Everything a submission says of its sender: what is asked to prove it.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// What was posted.
    pub parameters: &'a Parameters,
    /// `Authorization: Basic`.
    pub basic: Option<&'a Basic>,
    /// The client certificate of the connection.
    pub certificate: Option<&'a Presented>,
}

/// What a submission offers as proof.
enum Proof<'a> {
    Secret(&'a str),
    BasicSecret(&'a str),
    Assertion(&'a str),
    /// Its name alone, as public clients do (W103).
    Nothing,
}

/// A client that has proven itself.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who it is.
    pub client: KnownClient,
    /// The `jti` of its assertion, still to be spent: hash and expiry.
    pub unspent: Option<(Fingerprint, Timestamp)>,
}

/// Authenticates the client of `parameters`.
pub async fn authenticate_client(
    app: &App,
    context: &Context,
    credentials: Credentials<'_>,
    now: Timestamp,
) -> Result<Authenticated, Failure> {
    let (client_id, proof) = presented(credentials.parameters, credentials.basic)?;
    let known = app.client(&context.tenant.id, &client_id, now).await?;
    let known = known.ok_or_else(|| refused("the client is unknown"))?;
    let mut unspent = None;
    let is_secret = matches!(proof, Proof::Secret(_) | Proof::BasicSecret(_));
    if is_secret && context.tenant.settings.refuse_shared_secrets && known.client().asks_people() {
        return Err(refused("the tenant takes no secrets of clients that ask people").into());
    }
    match proof {
        Proof::Secret(secret) if known.has_secret(secret.as_bytes()) => {}
        Proof::BasicSecret(secret) => check_basic(&known, secret)?,
        Proof::Secret(_) => return Err(refused("the client secret is wrong").into()),
        // F2: profile `fapi-ciba` knows confidential clients only.
        Proof::Nothing
            if known.client().authentication == Authentication::Public
                && known.client().profile.rules().takes_secrets => {}
        Proof::Nothing => {
            check_certificate(app, context, (&known, credentials.certificate), now).await?;
        }
        Proof::Assertion(jwt) => {
            let keys = match &known.client().authentication {
                Authentication::KeyOfSet => {
                    key_sets::assertion_keys(app, context, &known, jwt, now).await?
                }
                Authentication::PrivateKeyJwt { .. } => known.keys(now),
                Authentication::Public
                | Authentication::Secret
                | Authentication::TlsClientAuth { .. }
                | Authentication::TlsSubject(_)
                | Authentication::SelfSignedTlsClientAuth { .. }
                | Authentication::CertificateOfSet => Vec::new(),
            };
            unspent = Some(check_assertion(context, (&known, &keys), jwt, now)?);
        }
    }
    Ok(Authenticated { client: known, unspent })
}

/// The client that a refused submission names, proven or not: its profile words the refusal (W24).
pub async fn named_client(
    app: &App,
    context: &Context,
    Credentials { parameters, basic, .. }: Credentials<'_>,
    now: Timestamp,
) -> Option<KnownClient> {
    let of_assertion = || {
        let jwt = parameters.optional("client_assertion").ok().flatten()?;
        assertion::unverified_client(jwt)
    };
    let id = match (basic, parameters.optional("client_id").ok().flatten()) {
        (Some(basic), _) => ClientId::new(percent_decode_str(&basic.user).decode_utf8_lossy()),
        (None, Some(id)) => ClientId::new(id),
        (None, None) => of_assertion()?,
    };
    app.client(&context.tenant.id, &id, now).await.ok().flatten()
}

/// Remembers an assertion as used, here only; a second use is refused (W37). For polls that read
/// "pending" and nothing else.
pub fn note_assertion(
    app: &App,
    unspent: Option<(Fingerprint, Timestamp)>,
    now: Timestamp,
) -> Result<(), Refusal> {
    match unspent {
        Some((hash, expires_at)) if !app.seen.first_use(hash, expires_at, now) => {
            Err(refused("the assertion was used before"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Remembers an assertion as used, durably and for all nodes; a second use is refused (W37).
pub async fn spend_assertion(
    app: &App,
    context: &Context,
    unspent: Option<(Fingerprint, Timestamp)>,
    now: Timestamp,
) -> Result<(), Failure> {
    note_assertion(app, unspent, now)?;
    spend_noted_assertion(app, context, unspent).await
}

/// Remembers an assertion durably that this process has noted before.
pub async fn spend_noted_assertion(
    app: &App,
    context: &Context,
    unspent: Option<(Fingerprint, Timestamp)>,
) -> Result<(), Failure> {
    let Some((hash, expires_at)) = unspent else { return Ok(()) };
    match app.database.run(replays::first_use(&context.tenant.id, &hash, expires_at)).await? {
        Written::Done => Ok(()),
        Written::Overtaken => Err(refused("the assertion was used before").into()),
    }
}

/// Which client it says it is, and the one proof it offers.
fn presented<'a>(
    parameters: &'a Parameters,
    basic: Option<&'a Basic>,
) -> Result<(ClientId, Proof<'a>), Refusal> {
    let body_id = parameters.optional("client_id")?;
    let secret = parameters.optional("client_secret")?;
    let jwt = parameters.optional("client_assertion")?;
    let offered = [basic.is_some(), secret.is_some(), jwt.is_some()];
    if offered.iter().filter(|is_there| **is_there).count() > 1 {
        return Err(Reason::SeveralCredentials.into());
    }
    if let Some(basic) = basic {
        let user = percent_decode_str(&basic.user).decode_utf8_lossy();
        if body_id.is_some_and(|id| id != user && id != basic.user) {
            return Err(refused("Basic user name and client_id differ"));
        }
        return Ok((ClientId::new(user), Proof::BasicSecret(&basic.password)));
    }
    if let Some(jwt) = jwt {
        if parameters.optional("client_assertion_type")? != Some(ASSERTION_TYPE) {
            return Err(refused("client_assertion_type is not jwt-bearer"));
        }
        let named = body_id.map(ClientId::new).or_else(|| assertion::unverified_client(jwt));
        let client = named.ok_or_else(|| refused("the assertion names no client"))?;
        return Ok((client, Proof::Assertion(jwt)));
    }
    match (body_id, secret) {
        (Some(id), Some(secret)) => Ok((ClientId::new(id), Proof::Secret(secret))),
        (Some(id), None) => Ok((ClientId::new(id), Proof::Nothing)),
        (None, _) => Err(refused("no client_id")),
    }
}

/// The secret as it stands, then percent-decoded: SDKs differ (W22).
fn check_basic(known: &KnownClient, secret: &str) -> Result<(), Refusal> {
    let decoded: Vec<u8> = percent_decode_str(secret).collect();
    let form_decoded: Vec<u8> = percent_decode_str(&secret.replace('+', " ")).collect();
    if [secret.as_bytes(), &decoded, &form_decoded].iter().any(|secret| known.has_secret(secret)) {
        return Ok(());
    }
    Err(refused("the client secret is wrong"))
}

/// RFC 8705 2: an authority vouches for the certificate and it names the client, or it is one of
/// those that are registered.
async fn check_certificate(
    app: &App,
    context: &Context,
    (known, presented): (&KnownClient, Option<&Presented>),
    now: Timestamp,
) -> Result<(), Refusal> {
    let presented = presented.ok_or_else(|| refused("no client credentials"))?;
    let is_own = match &known.client().authentication {
        Authentication::TlsClientAuth { .. } | Authentication::TlsSubject(_) => {
            if presented.is_vouched_for(&known.subjects(now), &app.client_roots, now) {
                return Ok(());
            }
            return Err(refused(
                "no authority vouches for the certificate, or it names another subject",
            ));
        }
        Authentication::SelfSignedTlsClientAuth { .. } => {
            known.has_certificate(&presented.certificate.thumbprint_text(), now)
        }
        Authentication::CertificateOfSet => {
            key_sets::has_certificate(app, context, known, presented, now).await?
        }
        Authentication::Public
        | Authentication::Secret
        | Authentication::PrivateKeyJwt { .. }
        | Authentication::KeyOfSet => {
            return Err(refused("no client credentials"));
        }
    };
    if !presented.certificate.is_current(now) {
        return Err(refused("the certificate has expired, or is not good yet"));
    }
    if is_own { Ok(()) } else { Err(refused("the certificate is not registered for the client")) }
}

fn check_assertion(
    context: &Context,
    (known, keys): (&KnownClient, &[(PublicKey, Algorithm)]),
    jwt: &str,
    now: Timestamp,
) -> Result<(Fingerprint, Timestamp), Refusal> {
    if keys.is_empty() {
        return Err(refused("the client has no key for private_key_jwt"));
    }
    let id = &known.client().id;
    let mut rejected = refused("the tenant has no address");
    let mtls = context.base.mtls.as_ref();
    for base in &context.base.all {
        let endpoints: Vec<String> = std::iter::once(base)
            .chain(mtls)
            .flat_map(|base| [format!("{base}oauth/token"), format!("{base}bc-authorize")])
            .collect();
        let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        let audience = match known.client().assertion_audience {
            AssertionAudience::Strict => Audience::Strict { issuer: base },
            AssertionAudience::IssuerText => Audience::Text { issuer: base },
            AssertionAudience::Ciba2021 => {
                Audience::Ciba2021 { issuer: base, endpoints: &endpoints }
            }
        };
        match assertion::check(jwt, id, keys, &audience, now) {
            Ok(checked) => {
                let name = format!("assertion\n{id}\n{}", checked.jti);
                return Ok((Fingerprint::of(name.as_bytes()), checked.expires_at));
            }
            Err(assertion::Rejected::Audience) => {
                rejected = refused("the assertion is meant for somebody else");
            }
            Err(why) => return Err(Refusal::from(Reason::BadCredentials).noting(why.to_string())),
        }
    }
    Err(rejected)
}

/// One answer for every failure of authentication; why is told to the log only (W24, W25).
fn refused(note: &'static str) -> Refusal {
    Refusal::from(Reason::BadCredentials).noting(note)
}
