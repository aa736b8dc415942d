//! What is configured: how logs look, and what no word of ours ever holds.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::common::{aizuchi, command, http, postgres_database, signal};

/// The lines of a development server, from its start to its end, with one request in between.
fn lines_of_dev(settings: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut arguments = vec!["dev", "--json", "--data", &data, "--https-port", "0"];
    arguments.extend(["--http-port", "0", "--mtls-port", "0"]);
    let database = postgres_database();
    if let Some(url) = &database {
        arguments.extend(["--database", url]);
    }
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let log = folder.path().join("log");
    let mut child = command(&arguments)
        .stdout(Stdio::piped())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut card = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut card).unwrap();
    let card: Value = serde_json::from_str(&card).unwrap();
    let plain = card["http"].as_str().unwrap();
    assert_eq!(http(plain, ("GET", "/userinfo"), "Authorization: Bearer nobodys-token\r\n").0, 401);
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    std::fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

/// O63: one line for each outcome, as text or as JSON.
#[test]
fn lines_are_text_or_json_as_configured() {
    let text = lines_of_dev(&["log.format=text"]);
    assert!(text.iter().any(|line| line.contains("ready")), "{text:?}");
    assert!(text.iter().all(|line| serde_json::from_str::<Value>(line).is_err()), "{text:?}");
    let json = lines_of_dev(&["log.format=json"]);
    let messages: Vec<String> = json
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].to_string())
        .collect();
    for message in ["ready", "refused", "stopped"] {
        let told = messages.iter().filter(|told| told.trim_matches('"') == message).count();
        assert_eq!(told, 1, "{message}: {messages:?}");
    }
}

fn assert_silent(said: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

fn written(folder: &Path, text: &str) -> String {
    let config = folder.join("aizuchi.toml");
    let head = format!("[server]\ndata_dir = \"{}\"\n", folder.join("data").display());
    std::fs::write(&config, head + text).unwrap();
    config.to_string_lossy().into_owned()
}

/// O49: neither where it is right, nor where it is wrong, at any level.
#[test]
fn a_secret_of_the_configuration_is_told_to_nobody() {
    let root = "5a17".repeat(16);
    let told = lines_of_dev(&["log.level=trace", &format!("keys.root={root}")]);
    assert!(told.len() > 5, "every level is told: {told:?}");
    assert_silent(&told.join("\n"), &["5a175a17", "5A175A17"]);

    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://aizuchi:pass-4711@127.0.0.1:1/aizuchi";
    let away = format!("[keys]\nroot = \"{root}\"\n[database]\nurl = \"{url}\"\n");
    let wrong_root = format!("[keys]\nroot = \"{root}zz\"\n");
    let no_text = "[keys]\nroot = 4711\n[database]\nurl = 4712\n";
    let no_url = "[database]\nurl = \"postgres://u:pass-4711@:nonsense/x\"\n";
    for text in [&away, &wrong_root, no_text, no_url] {
        let config = written(folder.path(), text);
        for command in [&["serve"][..], &["doctor"], &["doctor", "--json"], &["migrate"]] {
            let said = aizuchi(&[command, &["--config", &config]].concat());
            if command != ["migrate"] {
                assert_eq!(said.code, 1, "{command:?} with {text}: {said:?}");
            }
            assert_silent(&format!("{said:?}"), &["5a175a17", "pass-4711", "4712"]);
        }
    }
}
