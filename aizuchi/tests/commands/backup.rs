//! O250 to O253: copies of the data, and an installation made of one.

use std::path::Path;

use crate::common::{Dev, Said, aizuchi, postgres_server};

/// O250, O251, O309: a copy made while the server runs, put into another folder, has the loop go on: the
/// request that was open is approved there by the phone that was enrolled here.
#[test]
fn a_copy_of_a_running_server_goes_on_elsewhere() {
    let dev = Dev::start_in(tempfile::tempdir().unwrap(), None, &[]);
    let state = dev.enroll("phone.json", &[]);
    let before = dev.approved(&state, &["--scope", "openid"]);
    let copy = dev.file("copy.db");
    let made = dev.administer(&["backup", "--to", &copy]).done();
    assert_eq!(made.json()["bytes"], std::fs::metadata(&copy).unwrap().len());
    assert_eq!(made.json()["file"], copy);
    let left = std::fs::read_dir(dev.folder.path().join("data")).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    let is_copy = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("copy-");
    assert!(!left.iter().any(is_copy), "{left:?}");
    let card = dev.card.clone();
    let (_, folder, _) = dev.stop("-KILL");

    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for file in ["root.key", "ca.pem", "ca.key", "dev-card.json"] {
        std::fs::copy(folder.path().join("data").join(file), data.join(file)).unwrap();
    }
    let restored = restore(&copy, &data, &["--json"]).done().json();
    assert_eq!((&restored["tenants"], &restored["former"]), (&1.into(), &serde_json::Value::Null));

    let dev = Dev::start_again(elsewhere, None, &card, &[]);
    assert_eq!(dev.card["client"], card["client"]);
    let bearer = format!("Authorization: Bearer {}", before["access_token"].as_str().unwrap());
    assert_eq!(dev.http_with("GET", "/userinfo", &bearer).0, 200, "signed before the copy");
    let after = dev.approved(&state, &["--scope", "openid"]);
    assert!(after["id_token"].is_string(), "{after}");
}

/// O279: data that was restored without the card of its samples gets a new one.
#[test]
fn a_development_server_starts_on_restored_data_without_its_card() {
    let dev = Dev::start_in(tempfile::tempdir().unwrap(), None, &[]);
    let state = dev.enroll("phone.json", &[]);
    let copy = dev.file("copy.db");
    dev.administer(&["backup", "--to", &copy]).done();
    let card = dev.card.clone();
    let (_, folder, _) = dev.stop("-TERM");
    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for file in ["root.key", "ca.pem", "ca.key"] {
        std::fs::copy(folder.path().join("data").join(file), data.join(file)).unwrap();
    }
    restore(&copy, &data, &[]).done();
    let dev = Dev::start_again(elsewhere, None, &card, &[]);
    assert_eq!((&dev.card["user"], &dev.card["api"]), (&card["user"], &card["api"]));
    assert_ne!(dev.card["client"], card["client"], "no secret can be read back");
    assert!(dev.approved(&state, &["--scope", "openid"])["id_token"].is_string());
}

/// O250: where no server runs the database itself is copied, and nothing is overwritten.
#[test]
fn a_copy_is_made_without_a_server_and_overwrites_nothing() {
    let dev = Dev::start_in(tempfile::tempdir().unwrap(), None, &[]);
    let (_, folder, _) = dev.stop("-TERM");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let copy = folder.path().join("copy.db").to_string_lossy().into_owned();
    let backup = || aizuchi(&["backup", "--to", &copy, "--data", &data]);
    let told = backup().done();
    assert!(told.out.contains("copy.db") && told.err.contains("copying to"), "{told:?}");
    let twice = backup();
    assert!(twice.code == 1 && twice.err.contains("is there already"), "{twice:?}");
}

/// O251, O252: a restore that cannot work says why and changes nothing; the former database is kept.
#[test]
fn a_restore_that_cannot_work_changes_nothing() {
    let dev = Dev::start_in(tempfile::tempdir().unwrap(), None, &[]);
    let copy = dev.file("copy.db");
    dev.administer(&["backup", "--to", &copy]).done();
    let data = dev.folder.path().join("data");
    let says = |said: Said, what: &str| {
        assert!(said.code == 1 && said.err.contains(what), "{said:?}");
    };
    says(restore(&copy, &data, &["--replace"]), "in use by process");
    let (_, folder, _) = dev.stop("-TERM");
    says(restore(&copy, &data, &[]), "--replace");
    let damaged = folder.path().join("damaged.db").to_string_lossy().into_owned();
    std::fs::write(&damaged, "nothing of the kind").unwrap();
    says(restore(&damaged, &data, &["--replace"]), "not a whole copy");
    let key = std::fs::read(data.join("root.key")).unwrap();
    std::fs::write(data.join("root.key"), "00".repeat(32)).unwrap();
    says(restore(&copy, &data, &["--replace"]), "the root key must be the one");
    std::fs::write(data.join("root.key"), key).unwrap();

    let told = restore(&copy, &data, &["--replace"]).done();
    assert!(told.out.contains("the former database is"), "{told:?}");
    let dev = Dev::start_in(folder, None, &[]);
    assert_eq!(dev.http("GET", "/.well-known/jwks.json").0, 200);
}

fn restore(from: &str, data: &Path, more: &[&str]) -> Said {
    let data = data.to_string_lossy();
    aizuchi(&[&["restore", "--from", from, "--data", &data][..], more].concat())
}

/// O253: PostgreSQL is copied by its own tools, and the loop goes on in the database they filled.
#[test]
fn a_copy_of_postgresql_goes_on_in_another_database() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = ["--from", "x", "--database", "postgres://127.0.0.1:1/none", "--data"];
    let data = folder.path().to_string_lossy().into_owned();
    let refused = aizuchi(&[&["restore"][..], &nowhere, &[&data]].concat());
    assert!(refused.code == 64 && refused.err.contains("pg_restore"), "{refused:?}");
    let Some(server) = postgres_server() else { return };

    let database = |name: &str| {
        let name = format!("{name}_{}", std::process::id());
        tool("psql", &[&server, "-c", &format!("CREATE DATABASE {name}")]);
        server.replace("/postgres", &format!("/{name}"))
    };
    let (first, second) = (database("first"), database("second"));
    let dev = Dev::start_in(folder, Some(first.clone()), &[]);
    let state = dev.enroll("phone.json", &[]);
    let refused = dev.administer(&["backup", "--to", &dev.file("copy.db")]);
    assert!(refused.code == 1 && refused.err.contains("pg_dump"), "{refused:?}");
    let (dump, card) = (dev.file("copy.dump"), dev.card.clone());
    tool("pg_dump", &["--format=custom", "--file", &dump, &first]);
    let (_, folder, _) = dev.stop("-TERM");
    tool("pg_restore", &["--exit-on-error", "--dbname", &second, &dump]);
    let dev = Dev::start_again(folder, Some(second), &card, &[]);
    let tokens = dev.approved(&state, &["--scope", "openid"]);
    assert!(tokens["id_token"].is_string(), "{tokens}");
}

fn tool(name: &str, arguments: &[&str]) {
    let output = std::process::Command::new(name).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}
