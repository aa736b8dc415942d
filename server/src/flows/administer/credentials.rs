//! Public keys and certificates that clients authenticate with (W268, W269).

use domain::jose::{Algorithm, PublicKey};
use domain::oauth::certificate::Certificate;
use domain::oauth::client_document::MAX_CREDENTIALS;
use domain::oauth::subject::Subject;
use domain::shape::{
    InvalidBody, Kind, Member, Object, checked, clearable, member, required, text,
};
use domain::{ClientId, TenantId, Timestamp};
use serde_json::Value;
use store::client_credentials::{self, CredentialRow};
use store::{Written, clients};

use crate::App;
use crate::denied::{Denial, Denied};

/// What an assertion may be signed with (W39).
const ALGORITHMS: [&str; 3] = ["RS256", "RS384", "PS256"];
/// Longest PEM text.
const PEM_LIMIT: usize = 4096;
/// Longest subject of a certificate.
const SUBJECT_LIMIT: usize = 256;

const MEMBERS: &[Member] = &[
    member("credential_type", Kind::OneOf(&["public_key", "cert_subject_dn", "x509_cert"])),
    clearable("name", Kind::Text(0, 128)),
    clearable("alg", Kind::OneOf(&ALGORITHMS)),
    clearable("kid", Kind::Text(10, 64)),
    clearable("expires_at", Kind::Text(1, 64)),
    member("parse_expiry_from_cert", Kind::Flag),
];

/// The row of a new credential.
pub(super) fn new_row(
    app: &App,
    client: &ClientId,
    body: &Object,
    now: Timestamp,
) -> Result<CredentialRow, InvalidBody> {
    let known = checked(MEMBERS, body)?;
    required(body, &["credential_type"])?;
    let (mut document, certificate) = match text(&known, "credential_type") {
        Some("cert_subject_dn") => subject(body)?,
        Some("x509_cert") => {
            let certificate = certificate(pem(body)?)?;
            (described(&certificate), Some(certificate))
        }
        Some(_) | None => public_key(&known, pem(body)?)?,
    };
    for member in ["credential_type", "name"] {
        let value = text(&known, member).unwrap_or_default();
        document.insert(member.to_owned(), value.into());
    }
    let parses_expiry = known.get("parse_expiry_from_cert") == Some(&Value::Bool(true));
    let expires_at = match (expiry(&known)?, certificate) {
        (None, Some(certificate)) if parses_expiry => Some(certificate.not_after()),
        (expires_at, _) => expires_at,
    };
    Ok(CredentialRow {
        id: format!("cred_{}", app.entropy.alphanumerics(22)),
        client_id: client.clone(),
        document: Value::Object(document).to_string(),
        created_at: now,
        updated_at: now,
        expires_at,
    })
}

fn pem(body: &Object) -> Result<&str, InvalidBody> {
    required(body, &["pem"])?;
    text(body, "pem").filter(|pem| pem.len() <= PEM_LIMIT).ok_or_else(|| {
        InvalidBody::on("pem", format!("It must be a string of at most {PEM_LIMIT} bytes"))
    })
}

/// `public_key`: for assertions. A certificate is taken for the key in it.
fn public_key(known: &Object, pem: &str) -> Result<(Object, Option<Certificate>), InvalidBody> {
    let key = PublicKey::from_pem(pem).map_err(|error| InvalidBody::on("pem", error))?;
    let alg = text(known, "alg").unwrap_or("RS256");
    let algorithm = Algorithm::from_name(alg).filter(|algorithm| key.fits(*algorithm));
    let Some(algorithm) = algorithm else {
        return Err(InvalidBody::on("alg", format!("The key cannot be used with {alg}")));
    };
    let kid = text(known, "kid").map_or_else(|| key.thumbprint(), String::from);
    let mut document = Object::new();
    document.insert(String::from("alg"), alg.into());
    document.insert(String::from("public_jwk"), key.to_jwk(Some(&kid), Some(algorithm)));
    document.insert(String::from("kid"), kid.into());
    Ok((document, Certificate::from_pem(pem)))
}

/// `cert_subject_dn`: by the name, or by a certificate that has it.
fn subject(body: &Object) -> Result<(Object, Option<Certificate>), InvalidBody> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let Some(written) = given("subject_dn") else {
        let certificate = certificate(pem(body)?)?;
        if certificate.subject().is_none() {
            return Err(InvalidBody::on("pem", "The certificate names no subject"));
        }
        return Ok((described(&certificate), Some(certificate)));
    };
    if given("pem").is_some() {
        let what = "It must not be there together with pem";
        return Err(InvalidBody::on("subject_dn", what));
    }
    let written = written.as_str().filter(|text| text.chars().count() <= SUBJECT_LIMIT);
    if written.and_then(Subject::parse).is_none() {
        let what = format!(
            "It must be a distinguished name such as CN=client,O=Example of at most \
             {SUBJECT_LIMIT} characters"
        );
        return Err(InvalidBody::on("subject_dn", what));
    }
    let mut document = Object::new();
    document.insert(String::from("subject_dn"), written.unwrap_or_default().into());
    Ok((document, None))
}

fn certificate(pem: &str) -> Result<Certificate, InvalidBody> {
    let what = "It must be an X.509 certificate in PEM";
    Certificate::from_pem(pem).ok_or_else(|| InvalidBody::on("pem", what))
}

/// What is kept of a certificate: enough to know it again.
fn described(certificate: &Certificate) -> Object {
    let mut document = Object::new();
    if let Some(subject) = certificate.subject() {
        document.insert(String::from("subject_dn"), subject.to_string().into());
    }
    let thumbprint = certificate.thumbprint_text();
    document.insert(String::from("thumbprint_sha256"), thumbprint.into());
    document
}

/// `expires_at` of a body.
pub(crate) fn expiry(body: &Object) -> Result<Option<Timestamp>, InvalidBody> {
    let Some(written) = text(body, "expires_at") else { return Ok(None) };
    Timestamp::from_iso(written).map(Some).ok_or_else(|| {
        InvalidBody::on("expires_at", "It must be a moment such as 2027-01-31T12:00:00.000Z")
    })
}

/// The credential as the Management API shows it.
pub fn credential_document(row: &CredentialRow) -> Result<Value, serde_json::Error> {
    let mut document: Object = serde_json::from_str(&row.document)?;
    document.remove("public_jwk");
    document.insert(String::from("id"), row.id.as_str().into());
    document.insert(String::from("created_at"), row.created_at.to_iso().into());
    document.insert(String::from("updated_at"), row.updated_at.to_iso().into());
    if let Some(expires_at) = row.expires_at {
        document.insert(String::from("expires_at"), expires_at.to_iso().into());
    }
    Ok(Value::Object(document))
}

/// Adds a credential to a client.
pub async fn create_credential(
    app: &App,
    (tenant, client): (&TenantId, &ClientId),
    body: &Object,
    now: Timestamp,
) -> Result<CredentialRow, Denial> {
    if clients::one(&app.database, tenant, client).await?.is_none() {
        return Err(Denied::NoClient.into());
    }
    let row = new_row(app, client, body, now)?;
    match app.database.run(client_credentials::insert(tenant, &row, MAX_CREDENTIALS)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, client.id = %client, "credential created");
            Ok(row)
        }
        Written::Overtaken => {
            let message = format!("A client has at most {MAX_CREDENTIALS} credentials");
            Err(Denied::InvalidBody(message).into())
        }
    }
}
