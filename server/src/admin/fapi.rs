//! The tenant of `aizuchi dev --fapi`: two clients of profile `fapi-ciba` with their keys and
//! certificates, and people to ask.

use std::fs;
use std::path::Path;

use domain::jose::{Algorithm, KeyType, PublicKey, SigningKey};
use domain::oauth::client::CIBA_GRANT;
use domain::{TenantId, Timestamp, UserId};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use super::Refused;
use super::execute::{context, create_api, create_client, create_user};
use super::samples::{API_IDENTIFIER, named, object};
use crate::App;
use crate::dev;
use crate::failure::{Broken, Failure};
use crate::flows;
use crate::tenancy::{Mtls, Settings};

/// The tenant's short name.
const TENANT: &str = "fapi";
/// The folder of certificates and keys in the data folder.
const FOLDER: &str = "fapi";
/// Who can be asked.
const PEOPLE: [(&str, &str); 2] = [("alice@example.com", "Alice"), ("bob@example.com", "Bob")];

/// A client's own key and its certificate.
struct Held {
    jwks: Value,
    private: Value,
    public_pem: String,
    certificate: String,
    certificate_key: String,
}

/// Makes the tenant with everything in it; what only the card tells of it.
pub(crate) async fn sample_fapi(app: &App, now: Timestamp) -> Result<Value, Refused> {
    let tenant = TenantId::new(TENANT);
    let settings = Settings {
        default_profile: String::from("fapi-ciba"),
        profiles: vec![String::from("fapi-ciba")],
        mtls: Mtls { enable_endpoint_aliases: true },
        ..Settings::default()
    };
    if !flows::create_tenant(app, &tenant, ("FAPI-CIBA", &settings), now).await? {
        return Err(Refused(format!(
            "there is a tenant `{TENANT}` already, but not the file with its samples; use another \
             data folder"
        )));
    }
    let api = json!({
        "identifier": API_IDENTIFIER, "name": "Payments", "allow_offline_access": true,
        "signing_alg": "ES256", "token_dialect": "rfc9068_profile",
        "scopes": [
            { "value": "read:balance", "description": "See the balance" },
            { "value": "transfer:funds", "description": "Send money" },
        ],
        "authorization_details": [{ "type": "payment_initiation" }],
    });
    create_api(app, &tenant, api, now).await?;
    let place = context(app, &tenant, now).await?;
    let mut people = Vec::new();
    for (email, name) in PEOPLE {
        let user = create_user(app, &tenant, (email, Some(name)), now).await?;
        let id = user.get("user_id").and_then(Value::as_str).unwrap_or_default();
        let given = dev::give_phone(app, &place, &UserId::new(id), now).await;
        given
            .map_err(|refused| Refused(format!("{email} cannot be given a phone: {refused:?}")))?;
        people.push(named(&user));
    }
    let mut clients = Vec::new();
    for method in ["private_key_jwt", "self_signed_tls_client_auth"] {
        clients.push(sample(app, &tenant, method, now).await?);
    }
    Ok(json!({ "api": { "identifier": API_IDENTIFIER }, "users": people, "clients": clients }))
}

/// What the card tells besides: where the tenant is, which may change from start to start.
pub(crate) async fn placed(app: &App, kept: &Value, now: Timestamp) -> Result<Value, Refused> {
    let base = context(app, &TenantId::new(TENANT), now).await?.base;
    let mut card = object(kept.clone());
    let mut put = |name: &str, text: String| card.insert(name.to_owned(), text.into());
    put("issuer", base.issuer.clone());
    put("decide", base.url("dev/ciba/{auth_req_id}/{action}"));
    let resources = base.mtls.as_ref().unwrap_or(&base.issuer);
    put("resource", format!("{resources}dev/resource"));
    if let Some(mtls) = &base.mtls {
        put("mtls", mtls.clone());
    }
    Ok(Value::Object(card))
}

/// One client that proves itself by `method`, as the card tells it.
async fn sample(
    app: &App,
    tenant: &TenantId,
    method: &'static str,
    now: Timestamp,
) -> Result<Value, Refused> {
    let made = tokio::task::spawn_blocking(move || make(method)).await;
    let held = made.map_err(Broken::because).and_then(|made| made).map_err(Failure::from)?;
    let credential = if method == "private_key_jwt" {
        json!({
            "credential_type": "public_key", "name": "jwks", "alg": "PS256",
            "pem": held.public_pem,
        })
    } else {
        json!({ "credential_type": "x509_cert", "name": "certificate", "pem": held.certificate })
    };
    let members = json!({
        "profile": "fapi-ciba",
        "fapi_version": "1.0",
        "grant_types": [CIBA_GRANT, "refresh_token"],
        "oidc_conformant": true,
        "app_type": "regular_web",
        "client_authentication_methods": { method: { "credentials": [credential] } },
        // FAPI-CIBA ID1's certification names endpoints in its assertions.
        "assertion_audience": "ciba-2021",
        "jwks": held.jwks,
        "backchannel_authentication_request_signing_alg": "PS256",
    });
    let name = format!("Example Bank ({method})");
    let made = create_client(app, tenant, &name, &object(members), now).await?;
    let folder = app.config.server.data_dir.join(FOLDER);
    let (certificate, key) =
        (folder.join(format!("{method}.pem")), folder.join(format!("{method}.key")));
    fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
    write_private(&certificate, &held.certificate)?;
    write_private(&key, &held.certificate_key)?;
    Ok(json!({
        "client_id": made.client_id,
        "token_endpoint_auth_method": method,
        "jwks": held.private,
        "certificate_file": certificate.display().to_string(),
        "key_file": key.display().to_string(),
    }))
}

/// A key for assertions and requests, and a certificate with a key of its own.
fn make(method: &str) -> Result<Held, Broken> {
    let key = SigningKey::generate(KeyType::Rsa).map_err(Broken::because)?;
    let kid = key.public().thumbprint();
    let private = key.to_private_jwk(&kid, Algorithm::Ps256).map_err(Broken::because)?;
    let public = PublicKey::to_jwk(key.public(), Some(&kid), Some(Algorithm::Ps256));
    let pkcs8 = key.to_pkcs8().map_err(Broken::because)?;
    let pkcs8 = PrivatePkcs8KeyDer::from(pkcs8.as_slice());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_RSA_SHA256);
    let public_pem = pair.map_err(Broken::because)?.public_key_pem();
    let own = KeyPair::generate().map_err(Broken::because)?;
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(Broken::because)?;
    params.distinguished_name.push(DnType::OrganizationName, "Example Bank");
    params.distinguished_name.push(DnType::CommonName, method);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    let certificate = params.self_signed(&own).map_err(Broken::because)?;
    Ok(Held {
        jwks: json!({ "keys": [public] }),
        private: json!({ "keys": [private] }),
        public_pem,
        certificate: certificate.pem(),
        certificate_key: own.serialize_pem(),
    })
}

fn write_private(file: &Path, text: &str) -> Result<(), Refused> {
    dev::write_private(file, text).map_err(|error| unwritten(file, &error))
}

fn unwritten(file: &Path, error: &std::io::Error) -> Refused {
    Refused(format!("{}: {error}", file.display()))
}
