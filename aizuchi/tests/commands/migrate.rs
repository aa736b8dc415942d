//! O14: the schema by command.

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
