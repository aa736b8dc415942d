//! On our own listener: we ask for the certificate and judge it.

use serde_json::json;
use server::listen::ClientCertificates;
use testkit::World;

use super::authority::{Authority, Held, params, self_signed};
use super::connection::{BOTH, endpoints, listen, verdict};
use super::{client, subject, x509};

/// O180: by the very certificate, in both versions of TLS; also W288, its thumbprint in the log.
#[tokio::test]
async fn a_registered_certificate_authenticates_and_no_other_does() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Asked).await;
    let (own, foreign) = (self_signed(&params("bank")), self_signed(&params("bank")));
    let bank = client(&world, "self_signed_tls_client_auth", &[x509(&own)]).await;
    for version in BOTH {
        for (path, form, authenticated) in endpoints(&bank) {
            let shown = Some((&own, &own));
            let said = listening.posts((path, &bank, form), shown, &[version]).await.unwrap();
            assert!(verdict(&said, authenticated), "{version:?} {path}: {said}");
        }
    }
    assert!(!listening.takes(&bank, &foreign).await, "the same subject is not enough");
    let other = client(&world, "self_signed_tls_client_auth", &[x509(&foreign)]).await;
    assert!(listening.takes(&other, &foreign).await);
    assert!(!listening.takes(&other, &own).await, "another client's");
    let without = ("oauth/token", &bank, bank.polling("x"));
    let said = listening.posts(without, None, &BOTH).await.unwrap();
    assert!(!verdict(&said, "403"), "no certificate at all");
}

fn roots(world: &World, authority: &Authority) {
    world.app().client_roots.replace(authority.pem().as_bytes()).unwrap();
}

/// O181: by an authority's word and the subject's name, written in either way.
#[tokio::test]
async fn an_authority_vouches_for_a_subject() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Asked).await;
    let root = Authority::root("root");
    let (held, below) = (
        root.vouches_for(&params("bank")),
        root.below("one").below("two").vouches_for(&params("bank")),
    );
    let bank = client(&world, "tls_client_auth", &[subject("CN=bank,O=Example")]).await;
    assert!(!listening.takes(&bank, &held).await, "no authority is configured");
    roots(&world, &root);
    assert!(listening.takes(&bank, &held).await);
    assert!(listening.takes(&bank, &below).await, "with its intermediates");
    let written = client(&world, "tls_client_auth", &[subject("O=Example\nCN=Bank")]).await;
    assert!(listening.takes(&written, &held).await, "as Auth0 writes it");
    let by_pem = json!({"credential_type": "cert_subject_dn", "pem": held.pem});
    let by_pem = client(&world, "tls_client_auth", &[by_pem]).await;
    assert!(listening.takes(&by_pem, &below).await, "another certificate of the same subject");
}

/// O182: everything that is not good.
#[tokio::test]
async fn what_no_authority_vouches_for_counts_for_nothing() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Asked).await;
    let (root, foreign) = (Authority::root("root"), Authority::root("root"));
    roots(&world, &root);
    let bank = client(&world, "tls_client_auth", &[subject("CN=bank,O=Example")]).await;
    let (mut old, mut young) = (params("bank"), params("bank"));
    old.not_after = rcgen::date_time_ymd(2026, 11, 22);
    young.not_before = rcgen::date_time_ymd(2026, 11, 24);
    let server = {
        let mut params = params("bank");
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params
    };
    let refused: [(&str, Held); 7] = [
        ("of a foreign authority", foreign.vouches_for(&params("bank"))),
        ("self-signed", self_signed(&params("bank"))),
        ("chainless", root.below("one").vouches_for(&params("bank")).alone()),
        ("expired", root.vouches_for(&old)),
        ("not good yet", root.vouches_for(&young)),
        ("of another subject", root.vouches_for(&params("thief"))),
        ("for servers only", root.vouches_for(&server)),
    ];
    for (what, held) in &refused {
        assert!(!listening.takes(&bank, held).await, "{what}");
    }
    let pinned = client(&world, "self_signed_tls_client_auth", &[x509(&self_signed(&old))]).await;
    assert!(!listening.takes(&pinned, &self_signed(&old)).await, "expired, and registered");
    assert!(listening.takes(&bank, &root.vouches_for(&params("bank"))).await, "all is well after");
}

/// O183: the handshake itself.
#[tokio::test]
async fn a_certificate_without_its_key_is_refused_in_the_handshake() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Asked).await;
    let (own, thief) = (self_signed(&params("bank")), self_signed(&params("thief")));
    let bank = client(&world, "self_signed_tls_client_auth", &[x509(&own)]).await;
    for version in BOTH {
        let request = ("oauth/token", &bank, bank.polling("x"));
        let stolen = listening.posts(request, Some((&own, &thief)), &[version]).await;
        assert!(stolen.is_err(), "{stolen:?}");
    }
    let mut long = own.clone();
    long.chain = vec![own.chain[0].clone(); 11];
    let request = ("oauth/token", &bank, bank.polling("x"));
    let refused = listening.posts(request, Some((&long, &own)), &BOTH).await;
    assert!(refused.is_err(), "{refused:?}");
    let mut many = params("many");
    let name = |n| rcgen::SanType::DnsName(format!("host-{n}.example.com").try_into().unwrap());
    many.subject_alt_names = (0..100).map(name).collect();
    let many = self_signed(&many);
    let named = client(&world, "self_signed_tls_client_auth", &[x509(&many)]).await;
    assert!(listening.takes(&named, &many).await, "a hundred names");
}

/// O184: one certificate after another.
#[tokio::test]
async fn certificates_are_rotated_without_a_gap() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Asked).await;
    let (old, new) = (self_signed(&params("bank")), self_signed(&params("bank")));
    let bank = client(&world, "self_signed_tls_client_auth", &[x509(&old), x509(&new)]).await;
    assert!(listening.takes(&bank, &old).await && listening.takes(&bank, &new).await);
    let operator = world.operator();
    let path = format!("clients/{}/credentials", bank.id());
    let listed = operator.gets(&path).await.json();
    let id_of = |held: &Held| {
        let thumbprint = thumbprint(held);
        let mut all = listed.as_array().unwrap().iter();
        let one = all.find(|one| one["thumbprint_sha256"] == thumbprint.as_str()).unwrap();
        one["id"].as_str().unwrap().to_owned()
    };
    let deleted = operator.deletes(&format!("{path}/{}", id_of(&old))).await;
    assert_eq!(deleted.status, 204);
    assert!(!listening.takes(&bank, &old).await && listening.takes(&bank, &new).await);
    let end = world.now().plus_seconds(60).to_iso();
    let change = json!({ "expires_at": end });
    operator.patches(&format!("{path}/{}", id_of(&new)), &change).await;
    assert!(listening.takes(&bank, &new).await);
    world.advance_seconds(61);
    assert!(!listening.takes(&bank, &new).await, "past its expires_at");
}

pub(super) fn thumbprint(held: &Held) -> String {
    let certificate = domain::oauth::certificate::Certificate::from_pem(&held.pem).unwrap();
    certificate.thumbprint_text()
}

/// O185: no picker for browsers, and a client's certificate that nobody asked for is not seen.
#[tokio::test]
async fn the_listener_for_everyone_asks_for_no_certificate() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Unasked).await;
    let own = self_signed(&params("bank"));
    let bank = client(&world, "self_signed_tls_client_auth", &[x509(&own)]).await;
    assert!(!listening.takes(&bank, &own).await);
}
