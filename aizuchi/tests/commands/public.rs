//! A server on the public network: its certificates, its end, its neighbours.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use server::listen::DevCa;

use crate::common::{aizuchi, free_port, http, postgres_server, signal};
use crate::serve::{PLAIN, Serve};

const TLS: &str = "[tls]\ncertificate_file = \"FOLDER/certificates/chain.pem\"\n\
    key_file = \"FOLDER/certificates/key.pem\"\n\
    [listen]\nhttps = \"127.0.0.1:PORT\"\nhttp = \"\"\nops = \"\"\n";

/// The certificate that a new connection is shown.
fn shown(serve: &Serve) -> Vec<u8> {
    let mut roots = RootCertStore::empty();
    let ca = serve.file("certificates/ca.pem");
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", serve.port)).unwrap();
    let mut stream = StreamOwned::new(client, socket);
    let request = b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn fresh(folder: &Path) -> (String, String) {
    DevCa::open(folder).unwrap().issue(&["localhost"]).unwrap()
}

/// O195: by signal and without one; garbage in between.
#[test]
fn certificates_are_replaced_while_the_server_runs() {
    let serve = Serve::start(TLS);
    let [folder, chain, key] =
        ["", "chain.pem", "key.pem"].map(|name| serve.file("certificates").join(name));
    let first = shown(&serve);
    std::fs::write(&chain, "garbage").unwrap();
    signal(&serve.child, "-HUP");
    let told = serve.logs("a certificate was not reloaded");
    assert!(told.contains("ERROR") && told.contains("chain.pem"), "{told}");
    assert_eq!(shown(&serve), first);
    let (second_chain, second_key) = fresh(&folder);
    std::fs::write(&key, second_key).unwrap();
    std::fs::write(&chain, second_chain).unwrap();
    signal(&serve.child, "-HUP");
    serve.logs("certificates reloaded");
    let second = shown(&serve);
    assert_ne!(second, first);
    let (third_chain, third_key) = fresh(&folder);
    std::fs::write(&key, third_key).unwrap();
    std::fs::write(&chain, third_chain).unwrap();
    // The signals may have left lines of their own; the files are looked at every few seconds.
    while shown(&serve) == second {
        serve.logs("reloaded");
    }
}

/// O196: what was begun is answered.
#[test]
fn requests_in_flight_are_answered_before_the_end() {
    let mut serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{PLAIN}"));
    assert_eq!(serve.tells_manager(), "READY=1");
    let mut begun = TcpStream::connect(("127.0.0.1", serve.port)).unwrap();
    let head = "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 27\r\n\
        Expect: 100-continue\r\n\r\n";
    begun.write_all(head.as_bytes()).unwrap();
    // The server has read the head and waits for the body.
    let mut goes_on = [0; 25];
    begun.read_exact(&mut goes_on).unwrap();
    assert!(goes_on.starts_with(b"HTTP/1.1 100"), "{goes_on:?}");
    begun.write_all(b"client_id=x&").unwrap();
    signal(&serve.child, "-TERM");
    assert_eq!(serve.tells_manager(), "STOPPING=1");
    begun.write_all(b"client_secret=y").unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(("127.0.0.1", serve.port)).is_err());
}

/// O197: by the configuration, of a running server and of one that is gone.
#[test]
fn a_healthcheck_tells_by_its_exit_code() {
    let ops = free_port();
    let listen = PLAIN.replace("ops = \"\"", &format!("ops = \"127.0.0.1:{ops}\""));
    let mut serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{listen}"));
    let config = serve.file("aizuchi.toml").to_string_lossy().into_owned();
    let healthy = aizuchi(&["healthcheck", "--config", &config]);
    assert_eq!((healthy.code, healthy.out.trim()), (0, "ready"), "{healthy:?}");
    let elsewhere = format!("127.0.0.1:{ops}");
    assert_eq!(aizuchi(&["healthcheck", "--ops", &elsewhere]).code, 0);
    signal(&serve.child, "-TERM");
    serve.child.wait().unwrap();
    let gone = aizuchi(&["healthcheck", "--config", &config]);
    assert_eq!((gone.code, gone.out.as_str()), (1, ""), "{gone:?}");
    assert_eq!(gone.err.lines().count(), 1, "{gone:?}");
    assert_eq!(aizuchi(&["healthcheck", "--ops", "nowhere"]).code, 1);
}

/// O198: one process owns the file.
#[test]
fn a_second_server_on_the_same_file_is_refused() {
    if postgres_server().is_some() {
        // Any number of servers share a PostgreSQL.
        return;
    }
    let serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{PLAIN}"));
    let config = serve.file("aizuchi.toml").to_string_lossy().into_owned();
    let elsewhere = format!("listen.http=127.0.0.1:{}", free_port());
    let second = aizuchi(&["serve", "--config", &config, "--set", &elsewhere]);
    assert_eq!((second.code, second.out.as_str()), (1, ""));
    let owner = format!("in use by process {}", serve.child.id());
    assert!(second.err.contains(&owner), "{second:?}");
    assert_eq!(http(&serve.plain(), ("GET", "/.well-known/jwks.json"), "").0, 200);
}
