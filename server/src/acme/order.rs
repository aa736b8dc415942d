//! One order, from the host's name to its certificate.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::Timestamp;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use store::acme::{self, ChallengeRow};
use store::sealed::Place;
use store::{Engine, Written};

use super::{Acme, TICK, told};
use crate::listen::{Drain, Served};

/// The authority is asked again and again for this long.
const PATIENCE: Duration = Duration::from_secs(90);
/// What is shown to the authority is forgotten after this long, whatever happened.
const SHOWN_MS: i64 = 600_000;

const fn polling() -> RetryPolicy {
    RetryPolicy::new().initial_delay(Duration::from_millis(200)).backoff(1.5).timeout(PATIENCE)
}

/// Orders a certificate: chain and key as PEM.
pub(super) async fn obtain(
    acme: &Acme,
    account: &Account,
    (host, now): (&str, Timestamp),
    drain: &Drain,
) -> Result<(String, String), String> {
    let outcome = Box::pin(attempt(acme, account, (host, now), drain)).await;
    acme.certificates.forget_challenge(host);
    match acme.write(acme::hide(host)).await? {
        Written::Done | Written::Overtaken => outcome,
    }
}

async fn attempt(
    acme: &Acme,
    account: &Account,
    (host, now): (&str, Timestamp),
    drain: &Drain,
) -> Result<(String, String), String> {
    let identifiers = [Identifier::Dns(host.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(told)?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(told)?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Revoked
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Deactivated => {
                return Err(format!("the authorization is {:?}", authorization.status));
            }
        }
        let mut challenge = authorization
            .challenge(ChallengeType::TlsAlpn01)
            .ok_or("the authority does not offer tls-alpn-01")?;
        show(acme, host, challenge.key_authorization().digest().as_ref(), now).await?;
        if acme.app.database.engine() == Engine::Postgres {
            // The authority may come to any node: each must have looked at the rows.
            drop(tokio::time::timeout(TICK * 2, drain.wait()).await);
        }
        challenge.set_ready().await.map_err(told)?;
    }
    let status = order.poll_ready(&polling()).await.map_err(told)?;
    if status != OrderStatus::Ready {
        return Err(why(&mut order).await);
    }
    let narrows_tls = acme.app.narrows_tls.load(Ordering::Relaxed);
    let kind = if narrows_tls { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 };
    let key = KeyPair::generate_for(kind).map_err(told)?;
    let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(told)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(told)?;
    order.finalize_csr(request.der()).await.map_err(told)?;
    let chain = order.poll_certificate(&polling()).await.map_err(told)?;
    Ok((chain, key.serialize_pem()))
}

/// What the authority found wrong.
async fn why(order: &mut Order) -> String {
    if let Some(problem) = &order.state().error {
        return problem.to_string();
    }
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let problem = authorization.challenges.iter().find_map(|one| one.error.as_ref());
        if let Some(problem) = problem {
            return problem.to_string();
        }
    }
    String::from("the authority refused and does not say why")
}

/// Shows the authority that the host is ours, here at once and on other nodes by the rows.
async fn show(acme: &Acme, host: &str, digest: &[u8], now: Timestamp) -> Result<(), String> {
    let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(told)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(told)?;
    let certificate = params.self_signed(&key).map_err(told)?.pem();
    let key = key.serialize_pem();
    let row = ChallengeRow {
        host: host.to_owned(),
        sealed: acme.seal(Place::AcmeChallenges, host, key.as_bytes())?,
        certificate: certificate.clone(),
        expires_at: now.plus_ms(SHOWN_MS),
    };
    if acme.write(acme::show(&row)).await? == Written::Overtaken {
        return Err(String::from("what the authority is to be shown could not be kept"));
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let served = Served::challenge_from_pem(certificate.as_bytes(), key.as_bytes(), &provider);
    let served = served.map_err(told)?;
    acme.certificates.answer_challenge(host, &served);
    Ok(())
}
