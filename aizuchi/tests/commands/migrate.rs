//! O14, O15: the schema by command, and a schema that is too new.

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

/// O15: the server refuses to start, and names the schema that it would have to know.
#[tokio::test]
async fn a_schema_of_tomorrow_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let url = postgres_database()
        .unwrap_or_else(|| format!("sqlite:{}", folder.path().join("aizuchi.db").display()));
    let config = folder.path().join("aizuchi.toml");
    let text = format!(
        "[server]\ndata_dir = \"{}\"\n[keys]\nroot = \"{}\"\n[database]\nurl = \"{url}\"\n\
         [proxy]\ntrusted = [\"127.0.0.1\"]\n[listen]\nhttps = \"\"\nhttp = \"127.0.0.1:0\"\nops = \"\"\n",
        folder.path().display(),
        "5a".repeat(32),
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_string_lossy().into_owned();
    aizuchi(&["migrate", "--config", &config]).done();
    let database = Database::open(&DatabaseOptions::parse(&url).unwrap()).await.unwrap();
    let tomorrow = include_str!("../../../store/tests/store/tomorrow.sql");
    let written = database.run(Write::new().exactly(1, tomorrow, [])).await;
    assert_eq!(written, Ok(Written::Done));
    drop(database);
    let refused = aizuchi(&["serve", "--config", &config]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
    assert!(refused.err.contains("9999_of_tomorrow"), "{refused:?}");
    assert!(refused.err.contains("run the version of aizuchi that made it"), "{refused:?}");
}
