//! Public keys that clients authenticate with (W268, W269).

use domain::jose::{Algorithm, PublicKey};
use domain::oauth::client_document::MAX_CREDENTIALS;
use domain::shape::{
    InvalidBody, Kind, Member, Object, checked, clearable, member, required, text,
};
use domain::{ClientId, TenantId, Timestamp};
use serde_json::{Value, json};
use store::client_credentials::{self, CredentialRow};
use store::{Written, clients};

use crate::App;
use crate::denied::{Denial, Denied};

/// What an assertion may be signed with (W39).
const ALGORITHMS: [&str; 3] = ["RS256", "RS384", "PS256"];
/// Longest PEM text.
const PEM_LIMIT: usize = 4096;

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
    if text(&known, "credential_type") != Some("public_key") {
        let what = "This server takes public_key only";
        return Err(InvalidBody::on("credential_type", what));
    }
    required(body, &["pem"])?;
    let pem = text(body, "pem").filter(|pem| pem.len() <= PEM_LIMIT);
    let pem = pem.ok_or_else(|| {
        InvalidBody::on("pem", format!("It must be a string of at most {PEM_LIMIT} bytes"))
    })?;
    let key = PublicKey::from_pem(pem).map_err(|error| InvalidBody::on("pem", error))?;
    let alg = text(&known, "alg").unwrap_or("RS256");
    let fits = Algorithm::from_name(alg).is_some_and(|algorithm| key.fits(algorithm));
    if !fits {
        return Err(InvalidBody::on("alg", format!("The key cannot be used with {alg}")));
    }
    let kid = text(&known, "kid").map_or_else(|| key.thumbprint(), String::from);
    let algorithm = Algorithm::from_name(alg);
    let document = json!({
        "credential_type": "public_key",
        "name": text(&known, "name").unwrap_or_default(),
        "kid": kid,
        "alg": alg,
        "public_jwk": key.to_jwk(Some(&kid), algorithm),
    });
    Ok(CredentialRow {
        id: format!("cred_{}", app.entropy.alphanumerics(22)),
        client_id: client.clone(),
        document: document.to_string(),
        created_at: now,
        updated_at: now,
        expires_at: expiry(&known)?,
    })
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
