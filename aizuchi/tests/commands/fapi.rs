//! `aizuchi dev --fapi`, and who may serve such a tenant.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::common::{Dev, command, free_port};

/// O350: two clients with keys and certificates, people with phones, and where everything is; the
/// same after a restart.
#[test]
fn the_card_has_what_a_certification_needs() {
    let dev = Dev::start(&["--fapi"]);
    let fapi = &dev.card["fapi"];
    let issuer = fapi["issuer"].as_str().unwrap();
    assert_eq!(issuer, format!("{}t/fapi/", dev.text("/issuer")));
    assert_eq!(fapi["mtls"], format!("{}t/fapi/", dev.text("/mtls")));
    assert_eq!(fapi["resource"], format!("{}t/fapi/dev/resource", dev.text("/mtls")));
    assert_eq!(fapi["decide"], format!("{issuer}dev/ciba/{{auth_req_id}}/{{action}}"));
    let (status, metadata) = dev.http("GET", "/t/fapi/.well-known/openid-configuration");
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!((status, metadata["issuer"].as_str()), (200, Some(issuer)));
    assert_eq!(
        metadata["backchannel_token_delivery_modes_supported"],
        serde_json::json!(["poll", "ping"])
    );
    let clients = fapi["clients"].as_array().unwrap();
    let methods: Vec<_> = clients.iter().map(|one| &one["token_endpoint_auth_method"]).collect();
    assert_eq!(methods, ["private_key_jwt", "self_signed_tls_client_auth"]);
    for client in clients {
        assert!(client["client_id"].is_string());
        let key = &client["jwks"]["keys"][0];
        for member in ["n", "e", "d", "p", "q", "dp", "dq", "qi", "kid"] {
            assert!(key[member].is_string(), "{member}");
        }
        assert_eq!(key["alg"], "PS256");
        let text = |name: &str| std::fs::read_to_string(client[name].as_str().unwrap()).unwrap();
        assert!(text("certificate_file").contains("BEGIN CERTIFICATE"));
        assert!(text("key_file").contains("BEGIN PRIVATE KEY"));
    }
    let emails: Vec<_> =
        fapi["users"].as_array().unwrap().iter().map(|one| &one["email"]).collect();
    assert_eq!(emails, ["alice@example.com", "bob@example.com"]);
    let card = dev.card.clone();
    let (_, folder, database) = dev.stop("-TERM");
    let again = Dev::start_again(folder, database, &card, &["--fapi"]);
    for name in ["clients", "users", "issuer"] {
        assert_eq!(again.card["fapi"][name], card["fapi"][name], "{name}");
    }
}

/// O354: `serve` says what is wrong with an elliptic certificate where a tenant has the profile.
#[test]
fn serve_refuses_an_elliptic_certificate_for_a_fapi_tenant() {
    let dev = Dev::start(&["--fapi"]);
    let (data, database) = (dev.data(), dev.database.clone());
    let (_, folder, _) = dev.stop("-TERM");
    let place = folder.path();
    let ca = server::listen::DevCa::open(Path::new(&data)).unwrap();
    let url = database.unwrap_or_else(|| String::from("sqlite:aizuchi.db"));
    let port = free_port();
    let config = format!(
        "[server]\ndata_dir = \"{data}\"\npublic_url = \"https://localhost:{port}/\"\n\
         [keys]\nroot_file = \"{data}/root.key\"\n[database]\nurl = \"{url}\"\n\
         [listen]\nhttps = \"127.0.0.1:{port}\"\nops = \"\"\n\
         [tls]\ncertificate_file = \"{0}/chain.pem\"\nkey_file = \"{0}/key.pem\"\n",
        place.display()
    );
    let file = place.join("aizuchi.toml");
    std::fs::write(&file, config).unwrap();
    for (pair, word) in [
        (ca.issue(&["localhost"]).unwrap(), "another key than RSA"),
        (ca.issue_rsa(&["localhost"]).unwrap(), "serving on"),
    ] {
        std::fs::write(place.join("chain.pem"), pair.0).unwrap();
        std::fs::write(place.join("key.pem"), pair.1).unwrap();
        let mut child = command(&["serve", "--config", &file.to_string_lossy()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut told, mut some) = (String::new(), [0; 1024]);
        let mut stderr = child.stderr.take().unwrap();
        while !told.contains(word) {
            let length = stderr.read(&mut some).unwrap();
            assert!(length > 0, "it ended and did not say {word:?}: {told}");
            told.push_str(&String::from_utf8_lossy(&some[..length]));
        }
        drop(child.kill());
        drop(child.wait());
    }
}
