//! `config.example.toml` is the configuration: every key, with its default.

use serde_json::Value;
use server::config::Config;

use crate::repository::read;

/// `section.key` of every field.
fn fields(config: &Config) -> Vec<String> {
    let Value::Object(sections) = serde_json::to_value(config).unwrap() else { panic!("no table") };
    let mut found = Vec::new();
    for (section, values) in sections {
        found.extend(values.as_object().unwrap().keys().map(|key| format!("{section}.{key}")));
    }
    found.sort();
    found
}

/// `section.key` of every line of the example that sets one, and whether a comment stands above it.
fn keys(example: &str) -> Vec<(String, bool)> {
    let (mut found, mut section, mut is_told) = (Vec::new(), "", false);
    for line in example.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.push((format!("{section}.{key}"), is_told));
        }
        is_told = line.starts_with('#');
    }
    found.sort();
    found
}

/// O45: every key parses, stands there with its default and a sentence, and none is missing.
#[test]
fn the_example_is_the_default_configuration_with_every_key() {
    let example = read("config.example.toml");
    let parsed = Config::from_parts(&example, &[]).unwrap();
    assert_eq!(parsed, Config::default());
    let keys = keys(&example);
    assert_eq!(keys.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), fields(&parsed));
    let silent: Vec<_> = keys.iter().filter(|(_, is_told)| !is_told).collect();
    assert!(silent.is_empty(), "keys without a sentence: {silent:?}");
}
