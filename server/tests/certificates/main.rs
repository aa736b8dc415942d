//! Client certificates, over real TLS and in the headers of proxies (O180 to O190, W42 to W45).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "an answer of another shape fails the test that reads it"
)]

mod acme;
mod authority;
mod bound;
mod connection;
mod covering;
mod credentials;
mod edges;
mod listener;
mod matrix;
mod proxies;
mod registered;
mod reload;
mod stand_in;

use serde_json::{Value, json};
use testkit::{Client, Proof, World};

/// A client of `method` with these credentials, made over the Management API; it proves itself by
/// what the connection shows.
async fn client<'w>(world: &'w World, method: &str, credentials: &[Value]) -> Client<'w> {
    let mut methods = json!({});
    methods[method] = json!({ "credentials": credentials });
    let body = json!({
        "name": "Certified", "oidc_conformant": true,
        "grant_types": ["urn:openid:params:grant-type:ciba"],
        "client_authentication_methods": methods,
    });
    let made = world.operator().posts("clients", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.member("client_id");
    world.client_of(&id, Proof::Nothing)
}

/// The credential of a certificate by its bytes.
fn x509(certificate: &authority::Held) -> Value {
    json!({ "credential_type": "x509_cert", "name": "own", "pem": certificate.pem })
}

/// The credential of any certificate that names this subject.
fn subject(name: &str) -> Value {
    json!({ "credential_type": "cert_subject_dn", "name": "subject", "subject_dn": name })
}
