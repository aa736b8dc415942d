//! O199: PostgreSQL over TLS. These run where the gate names a server and its authority.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use store::{Database, DatabaseOptions, Error};

use crate::common::{NOW, Place, postgres_url};

/// The authority that vouches for the gate's server.
#[expect(clippy::disallowed_methods, reason = "it comes with the server's address")]
fn authority() -> String {
    let file = std::env::var("TEST_POSTGRES_CA").unwrap_or_default();
    assert!(!file.is_empty(), "TEST_POSTGRES_CA: the PEM file that scripts/lib/postgres.sh makes");
    file
}

/// The options to reach the gate's server as `host`, with this behind the question mark.
fn options(place: &Place, host: &str, query: &str) -> DatabaseOptions {
    let config: tokio_postgres::Config = postgres_url().unwrap().parse().unwrap();
    let user = config.get_user().unwrap();
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
    let (database, port) = (config.get_dbname().unwrap(), config.get_ports()[0]);
    let schema = place.options.schema.as_ref().unwrap();
    let url =
        format!("postgres://{user}:{password}@{host}:{port}/{database}?schema={schema}&{query}");
    DatabaseOptions::parse(&url).unwrap()
}

async fn refusal(options: &DatabaseOptions) -> String {
    match Database::open(options).await {
        Err(Error::Unavailable(why) | Error::Engine(why)) => why,
        other => format!("not refused: {other:?}"),
    }
}

/// O199: verified and encrypted.
#[tokio::test]
async fn a_verified_connection_is_encrypted() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    let query = format!("sslmode=verify-full&sslrootcert={}", authority());
    let application = format!("&application_name=tls_{}", std::process::id());
    let options = options(&place, "127.0.0.1", &format!("{query}{application}"));
    let database = Database::open(&options).await.unwrap();
    database.migrate(NOW).await.unwrap();
    let url = postgres_url().unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let count = "
        SELECT count(*) FILTER (WHERE s.ssl), count(*) FROM pg_stat_ssl s
        JOIN pg_stat_activity a ON a.pid = s.pid WHERE a.application_name = $1";
    let name = format!("tls_{}", std::process::id());
    let row = client.query_one(count, &[&name]).await.unwrap();
    let (encrypted, all): (i64, i64) = (row.get(0), row.get(1));
    assert!(all > 0 && encrypted == all, "{encrypted} of {all}");
}

/// O199: whoever is not shown to be the server is told no password.
#[tokio::test]
async fn a_server_that_does_not_prove_itself_is_refused() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    let rooted = format!("sslmode=verify-full&sslrootcert={}", authority());
    let told = refusal(&options(&place, "localhost", &rooted)).await;
    assert!(told.contains("certificate"), "another host: {told}");
    let told = refusal(&options(&place, "127.0.0.1", "sslmode=verify-full")).await;
    assert!(told.contains("certificate"), "the authorities of the system: {told}");
    let garbage = place.folder.path().join("garbage.pem");
    std::fs::write(&garbage, "garbage").unwrap();
    let query = format!("sslmode=verify-full&sslrootcert={}", garbage.display());
    let told = refusal(&options(&place, "127.0.0.1", &query)).await;
    assert!(told.contains("certificate"), "no authority: {told}");
}

/// O199: a server without TLS, or somebody who says so in its name.
#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut asked = [0; 8];
        socket.read_exact(&mut asked).unwrap();
        socket.write_all(b"N").unwrap();
        let mut more = Vec::new();
        drop(socket.read_to_end(&mut more));
        more
    });
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, include_str!("postgres_tls_ca.pem")).unwrap();
    let url = format!(
        "postgres://me:hush@127.0.0.1:{port}/a?sslmode=verify-full&sslrootcert={}",
        roots.display()
    );
    let told = refusal(&DatabaseOptions::parse(&url).unwrap()).await;
    assert!(told.contains("TLS") && !told.contains("hush"), "{told}");
    assert_eq!(heard.join().unwrap(), b"", "nothing was said in the clear");
}
