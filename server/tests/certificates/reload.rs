//! Certificates in files, chosen by the name that is asked for, read again when they change.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use server::listen::{
    CertificateFiles, Certificates, ClientCertificates, DevCa, Pair, server_config,
};

/// Writes a fresh pair for `names`; its first certificate.
fn writes(ca: &DevCa, pair: &Pair, names: &[&str]) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    let (chain, key) = ca.issue(names).unwrap();
    let first = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap().to_vec();
    std::fs::write(&pair.chain, chain).unwrap();
    std::fs::write(&pair.key, key).unwrap();
    first
}

fn pair(folder: &Path, name: &str) -> Pair {
    let file = |extension: &str| folder.join(format!("{name}.{extension}"));
    Pair { chain: file("pem"), key: file("key") }
}

/// The certificate that a client is shown who asks for `host`, in memory from end to end.
fn shown(certificates: &Arc<Certificates>, ca: &DevCa, host: &str) -> Option<Vec<u8>> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca.file()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let config = server_config(Arc::clone(certificates), ClientCertificates::Unasked).unwrap();
    let mut server = ServerConnection::new(config).unwrap();
    for _ in 0..10 {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().ok()?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().ok()?;
    }
    client.peer_certificates().map(|all| all[0].to_vec())
}

fn read(files: &mut CertificateFiles, certificates: &Certificates) -> Vec<String> {
    let (all, problems) = files.read();
    certificates.replace(&all);
    problems
}

/// O194: a certificate for each host, wildcards among them.
#[test]
fn each_host_is_shown_its_own_certificate() {
    let place = tempfile::tempdir().unwrap();
    let ca = DevCa::open(place.path()).unwrap();
    let further = place.path().join("further");
    std::fs::create_dir(&further).unwrap();
    let first = pair(place.path(), "server");
    let own = writes(&ca, &first, &["id.example", "localhost"]);
    let acme = writes(&ca, &pair(&further, "acme"), &["login.acme.example"]);
    let wild = writes(&ca, &pair(&further, "wild"), &["*.many.example"]);
    let names: Vec<String> = (0..100).map(|number| format!("host-{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hundred = writes(&ca, &pair(&further, "hundred"), &names);
    let certificates = Arc::new(Certificates::default());
    let mut files = CertificateFiles::new(first, &further);
    assert_eq!(read(&mut files, &certificates), Vec::<String>::new());
    let shown = |host| shown(&certificates, &ca, host);
    assert_eq!(shown("id.example"), Some(own));
    assert_eq!(shown("LOGIN.acme.example"), Some(acme));
    assert_eq!(shown("a.many.example"), Some(wild));
    assert_eq!(shown("host-99.example"), Some(hundred));
    assert_eq!(shown("unknown.example"), None, "the first one, which is not for it");
}

/// O195: changed files are found and read; garbage leaves what was good.
#[test]
fn garbage_in_a_file_leaves_the_certificate_that_was_good() {
    let place = tempfile::tempdir().unwrap();
    let ca = DevCa::open(place.path()).unwrap();
    let further = place.path().join("further");
    std::fs::create_dir(&further).unwrap();
    let (first, other) = (pair(place.path(), "server"), pair(&further, "acme"));
    let own = writes(&ca, &first, &["id.example"]);
    let acme = writes(&ca, &other, &["login.acme.example"]);
    let certificates = Arc::new(Certificates::default());
    let mut files = CertificateFiles::new(first.clone(), &further);
    read(&mut files, &certificates);
    assert!(!files.have_changed());
    let shown = |host| shown(&certificates, &ca, host);
    let key = std::fs::read(&first.key).unwrap();
    let private = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (file, garbage) in [
        (&first.chain, b"garbage".as_slice()),
        (&first.chain, b"".as_slice()),
        (&first.chain, private.as_slice()),
        (&first.key, private.as_slice()),
        (&other.key, key.as_slice()),
    ] {
        let good = std::fs::read(file).unwrap();
        std::fs::write(file, garbage).unwrap();
        assert!(files.have_changed(), "{file:?}");
        let problems = read(&mut files, &certificates);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(&file.display().to_string()), "{problems:?}");
        assert_eq!(shown("id.example"), Some(own.clone()));
        assert_eq!(shown("login.acme.example"), Some(acme.clone()));
        std::fs::write(file, good).unwrap();
        assert_eq!(read(&mut files, &certificates), Vec::<String>::new());
    }
    std::fs::remove_file(&first.key).unwrap();
    assert_eq!(read(&mut files, &certificates).len(), 1, "a file is gone");
    let next = writes(&ca, &first, &["id.example"]);
    std::fs::remove_file(&other.chain).unwrap();
    assert!(files.have_changed());
    assert_eq!(read(&mut files, &certificates), Vec::<String>::new());
    assert_eq!(shown("id.example"), Some(next));
    assert_eq!(shown("login.acme.example"), None, "the host is gone with its file");
}
