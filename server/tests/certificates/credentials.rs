//! Certificates over the Management API.

use serde_json::{Value, json};
use testkit::World;

use super::authority::{params, self_signed};
use super::{client, subject, x509};

/// O186, W268: what is shown of a certificate, and of a name.
#[tokio::test]
async fn certificates_and_subjects_are_credentials() {
    let world = World::new().await;
    let held = self_signed(&params("bank"));
    let made = client(&world, "self_signed_tls_client_auth", &[x509(&held)]).await;
    let operator = world.operator();
    let path = format!("clients/{}/credentials", made.id());
    let listed = operator.gets(&path).await.json();
    let shown = &listed[0];
    assert_eq!(shown["credential_type"], "x509_cert");
    assert_eq!(shown["subject_dn"], "O=Example,CN=bank");
    let certificate = domain::oauth::certificate::Certificate::from_pem(&held.pem).unwrap();
    assert_eq!(shown["thumbprint_sha256"], certificate.thumbprint_text());
    assert!(shown["id"].as_str().unwrap().starts_with("cred_"));
    let body = json!({
        "credential_type": "x509_cert", "pem": held.pem, "parse_expiry_from_cert": true,
    });
    let second = operator.posts(&path, &body).await;
    assert_eq!((second.status, second.member("expires_at").get(..10)), (201, Some("2036-01-01")));
    let other = client(&world, "tls_client_auth", &[subject("O=Example\nCN=bank")]).await;
    let path = format!("clients/{}/credentials", other.id());
    let listed = operator.gets(&path).await.json();
    assert_eq!(listed[0]["subject_dn"], "O=Example\nCN=bank", "as it was written");
    assert_eq!(listed[0].get("thumbprint_sha256"), None);
}

/// O186: what is neither.
#[tokio::test]
async fn what_is_no_certificate_and_no_name_is_refused() {
    let world = World::new().await;
    let held = self_signed(&params("bank"));
    let made = client(&world, "tls_client_auth", &[subject("CN=bank")]).await;
    let path = format!("clients/{}/credentials", made.id());
    let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    let cut: String = held.pem.chars().take(200).collect();
    let bad: [Value; 8] = [
        json!({"credential_type": "cert_subject_dn"}),
        json!({"credential_type": "cert_subject_dn", "subject_dn": "bank"}),
        json!({"credential_type": "cert_subject_dn", "subject_dn": 7}),
        json!({"credential_type": "cert_subject_dn", "subject_dn": "CN=x".repeat(100)}),
        json!({"credential_type": "cert_subject_dn", "subject_dn": "CN=a", "pem": held.pem}),
        json!({"credential_type": "x509_cert"}),
        json!({"credential_type": "x509_cert", "pem": key}),
        json!({"credential_type": "x509_cert", "pem": cut}),
    ];
    for body in &bad {
        let answer = world.operator().posts(&path, body).await;
        assert_eq!((answer.status, answer.member("errorCode").as_str()), (400, "invalid_body"));
    }
}
