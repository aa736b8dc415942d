//! Where the root key comes from, and what is told when it is missing.

use std::path::Path;
use std::process::Output;

use crate::common::command;

/// A folder with a configuration that names no root key.
struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[server]\ndata_dir = \"{0}/data\"\npublic_url = \"https://localhost:8443/\"\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("aizuchi.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn runs(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let config = self.path().join("aizuchi.toml").to_string_lossy().into_owned();
        let mut command = command(&[arguments, &["--config", &config]].concat());
        command.envs(environment.iter().copied()).output().unwrap()
    }
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// O191, O193: from a systemd credential or the environment; none, a broken one, a foreign one.
#[test]
fn the_root_key_comes_from_a_credential_or_the_environment() {
    let (place, right, wrong) = (Installation::new(), "5a".repeat(32), "6b".repeat(32));
    let without = place.runs(&["tenant", "list"], &[]);
    assert_eq!(without.status.code(), Some(1));
    let said = told(&without);
    for word in ["openssl rand -hex 32", "aizuchi.root", "AIZUCHI_KEYS__ROOT"] {
        assert!(said.contains(word), "{said}");
    }
    let credentials = place.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let key = credentials.join("aizuchi.root");
    std::fs::write(&key, format!("{right}\n")).unwrap();
    let folder = credentials.to_string_lossy().into_owned();
    let credential = [("CREDENTIALS_DIRECTORY", folder.as_str())];
    assert!(place.runs(&["tenant", "list"], &credential).status.success());
    let rotated = place.runs(&["key", "rotate"], &[("AIZUCHI_KEYS__ROOT", right.as_str())]);
    assert!(rotated.status.success(), "{}", told(&rotated));
    for broken in ["", "5a", &"zz".repeat(32), &format!("{right} x")] {
        std::fs::write(&key, broken).unwrap();
        let refused = place.runs(&["tenant", "list"], &credential);
        assert_eq!(refused.status.code(), Some(1), "{broken}");
        assert!(told(&refused).contains("root key") && !told(&refused).contains(&right));
    }
    let foreign = [("AIZUCHI_KEYS__ROOT", wrong.as_str())];
    let listen = ["--set", "listen.https=", "--set", "listen.ops="];
    let refused = place.runs(&[&["serve"][..], &listen].concat(), &foreign);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("root key that sealed them"), "{}", told(&refused));
    let doctor = place.runs(&["doctor"], &foreign);
    assert!(told(&doctor).contains("put the former root key behind"), "{}", told(&doctor));
}

/// O192, O193: changed with the commands.
#[test]
fn the_root_key_is_changed_in_four_steps() {
    let (place, old, new) = (Installation::new(), "5a".repeat(32), "6b".repeat(32));
    let both = format!("{new} {old}");
    let under = |arguments: &[&str], root: &str| {
        let output = place.runs(arguments, &[("AIZUCHI_KEYS__ROOT", root)]);
        (output.status.success(), told(&output))
    };
    assert!(under(&["tenant", "list"], &old).0);
    let (_, doctor) = under(&["doctor"], &both);
    assert!(doctor.contains("aizuchi key reseal"), "{doctor}");
    let (resealed, said) = under(&["key", "reseal", "--json"], &both);
    assert!(resealed && said.contains("\"resealed\":2"), "{said}");
    let (_, doctor) = under(&["doctor"], &new);
    assert!(!doctor.contains("reseal") && doctor.contains("signs with"), "{doctor}");
    let (refused, said) = under(&["key", "reseal"], &old);
    assert!(!refused && said.contains("open with no root key"), "{said}");
}
