//! O14: the schema by command.

use std::path::Path;

use store::{Database, DatabaseOptions, Write, Written};

use crate::common::{aizuchi, postgres_database};

/// O14: an empty database gets the schema, a second run changes nothing.
#[test]
fn migrating_twice_changes_nothing_the_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_string_lossy().into_owned();
    let mut arguments = vec!["migrate", "--data", &data, "--json"];
    let database = postgres_database();
    if let Some(url) = &database {
        arguments.extend(["--database", url]);
    }
    let first = aizuchi(&arguments).done().json();
    assert!(!first["applied"].as_array().unwrap().is_empty(), "{first}");
    let second = aizuchi(&arguments).done().json();
    assert_eq!(second["applied"], serde_json::json!([]));
    assert_eq!(first["version"], second["version"]);
}

/// O15: the schema of a newer aizuchi is left alone by whatever would use it.
#[test]
fn a_newer_schema_is_refused_by_name() {
    const TOMORROW: &str = "
        INSERT INTO schema_migrations (version, name, checksum, statements, applied_at)
        VALUES (9999, '9999_of_tomorrow', '', 1, 1)";
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_string_lossy().into_owned();
    let url = postgres_database();
    let with = |command: &[&'static str]| {
        let mut arguments = [command, &["--data"]].concat();
        arguments.push(Box::leak(data.clone().into_boxed_str()));
        if let Some(url) = url.clone() {
            arguments.extend(["--database", Box::leak(url.into_boxed_str())]);
        }
        aizuchi(&arguments)
    };
    with(&["migrate"]).done();
    let options = match &url {
        Some(url) => DatabaseOptions::parse(url).unwrap(),
        None => DatabaseOptions::sqlite(Path::new(&data).join("aizuchi.db")),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::open(&options).await.unwrap();
        let write = Write::new().exactly(1, TOMORROW, []);
        assert_eq!(database.run(write).await, Ok(Written::Done));
    });
    for command in [&["migrate"][..], &["dev", "--https-port", "0", "--http-port", "0"]] {
        let refused = with(command);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.out.is_empty() && refused.err.contains("9999_of_tomorrow"), "{refused:?}");
    }
}
