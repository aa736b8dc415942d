//! What is said to people: every key of `locales` is said somewhere, and nothing is said that is
//! not there. Whether every language has every key, `server/src/sayings.rs` tests.

use std::collections::BTreeSet;

use crate::repository::{File, files, none};

/// Where the sayings of a part are said.
fn speaks(part: &str, file: &File) -> bool {
    let is_app = file.is_in("web/authenticator");
    let is_server = file.is_in("server/src") || file.is_in("server/templates");
    match part {
        "authenticator" => is_app || file.path == "server/src/http/authenticator.rs",
        _ => is_server,
    }
}

/// The keys of a Fluent file: what stands at the beginning of a line before ` = `.
fn keys(text: &str) -> BTreeSet<String> {
    let key = |line: &str| Some(line.split_once(" =")?.0.to_owned());
    let is_key = |key: &String| {
        key.starts_with(|c: char| c.is_ascii_lowercase())
            && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    text.lines().filter_map(key).filter(is_key).collect()
}

/// The keys that are said for sure: the first argument of `say`, or a `data-say`.
fn said(text: &str) -> Vec<&str> {
    let heads = ["say('", "say(\"", "data-say=\"", "data-say-label=\""];
    let find = |head: &'static str| {
        text.split(head).skip(1).filter_map(|rest| rest.split(['\'', '"']).next())
    };
    heads.into_iter().flat_map(find).collect()
}

/// In Japanese a device has one name, on every page and in every mail.
#[test]
fn a_device_has_one_name_in_japanese() {
    let all = files();
    let is_said = |file: &&File| file.is_in("locales/ja") || file.is_in("server/src");
    let said: Vec<&File> = all.iter().filter(is_said).collect();
    assert!(said.iter().any(|file| file.is_in("locales/ja") && file.text.contains("端末")));
    let other = said.iter().filter(|file| file.text.contains("デバイス"));
    let found: Vec<String> = other.map(|file| format!("{}: say 端末", file.path)).collect();
    none("another word for a device", &found);
}

/// O421: no key is missing, none is left over.
#[test]
fn every_saying_is_said_and_nothing_else() {
    let all = files();
    let mut found = Vec::new();
    for file in all.iter().filter(|file| file.is_in("locales/en") && file.is_named(".ftl")) {
        let part = file.path.rsplit('/').next().unwrap().trim_end_matches(".ftl");
        let keys = keys(&file.text);
        assert!(!keys.is_empty(), "{}", file.path);
        let speakers: Vec<&File> = all.iter().filter(|file| speaks(part, file)).collect();
        for key in &keys {
            let quoted = ['"', '\''].map(|mark| format!("{mark}{key}{mark}"));
            if !speakers.iter().any(|file| quoted.iter().any(|key| file.text.contains(key))) {
                found.push(format!("{}: nothing says {key}", file.path));
            }
        }
        if part != "authenticator" {
            continue;
        }
        for file in speakers.iter().filter(|file| file.is_in("web/authenticator")) {
            for key in said(&file.text).into_iter().filter(|key| !keys.contains(*key)) {
                found.push(format!("{}: says {key}, which is not there", file.path));
            }
        }
    }
    none("a saying that is missing or left over", &found);
}
