//! O61 and O62: what is wrong, and what to do.

use crate::common::{Dev, aizuchi};
use serde_json::Value;

fn verdict<'r>(report: &'r Value, check: &str) -> &'r str {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|one| one["check"] == check).unwrap();
    found["verdict"].as_str().unwrap()
}

/// O61: a working installation, with and without a running server.
#[test]
fn a_working_installation_is_healthy() {
    let dev = Dev::start(&[]);
    let report = dev.administer(&["doctor"]).done().json();
    assert_eq!(report["healthy"], true, "{report}");
    for check in ["configuration", "database", "schema", "keys", "clock", "certificate"] {
        assert_eq!(verdict(&report, check), "ok", "{report}");
    }
    let (_, folder, database) = dev.stop("-TERM");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut arguments = vec!["doctor", "--data", &data];
    if let Some(url) = &database {
        arguments.extend(["--database", url]);
    }
    let told = aizuchi(&arguments).done();
    assert_eq!(told.out.lines().count(), 8, "{told:?}");
}

/// O62: what is wrong, each with what to do; exit 1; no secret in it.
#[test]
fn a_broken_installation_is_told_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.hex");
    std::fs::write(&root, "ab".repeat(31)).unwrap();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o644)).unwrap();
    let config = folder.path().join("aizuchi.toml");
    let text = format!(
        "[server]\ndata_dir = \"{0}\"\n[keys]\nroot_file = \"{0}/root.hex\"\n",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_string_lossy().into_owned();
    aizuchi(&["migrate", "--config", &config]).done();
    let said = aizuchi(&["doctor", "--config", &config, "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let report = said.json();
    for check in ["data folder", "keys", "certificate"] {
        assert_eq!(verdict(&report, check), "wrong", "{report}");
    }
    assert!(said.out.contains("chmod go-rwx") && said.out.contains("tls.certificate_file"));
    assert!(!said.out.contains("abab") && !said.err.contains("abab"), "{said:?}");
}
