//! O1 to O3: help, wrong usage, failures.

use crate::common::aizuchi;

const COMMANDS: &[&str] = &[
    "demo",
    "dev",
    "serve",
    "phone enroll",
    "phone inbox",
    "phone show",
    "phone approve",
    "phone deny",
    "phone watch",
    "phone receipt",
    "phone forget",
    "ask",
    "tenant create",
    "tenant list",
    "client create",
    "client invite",
    "client list",
    "client show",
    "client delete",
    "client rotate-secret",
    "api create",
    "api list",
    "api show",
    "api delete",
    "user create",
    "user list",
    "user show",
    "user delete",
    "user block",
    "user unblock",
    "user ticket",
    "user import",
    "key list",
    "key rotate",
    "console link",
    "console list",
    "console remove",
    "push test",
    "migrate",
    "doctor",
    "verify receipt",
];

/// O1: every command explains itself with an example.
#[test]
fn help_has_an_example_for_every_command() {
    let all = aizuchi(&["--help"]).done();
    assert!(all.out.contains("Examples:") && all.err.is_empty(), "{all:?}");
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        let said = aizuchi(&arguments).done();
        assert!(said.out.contains("Example"), "{command}: {}", said.out);
        assert!(said.out.contains(&format!("aizuchi {command}")), "{command}: {}", said.out);
    }
}

/// O2: one sentence on standard error, exit 64.
#[test]
fn wrong_usage_is_one_sentence_and_exit_64() {
    for arguments in [
        &["telephone"][..],
        &["demo", "--loud"],
        &["ask", "--issuer", "https://localhost:1/"],
        &["phone", "enroll"],
        &["phone", "enroll", "no ticket at all", "--state", "/nowhere/phone.json"],
        &["dev", "--https-port", "many"],
        &["client", "create", "A", "--set", "profile"],
    ] {
        let said = aizuchi(arguments);
        assert_eq!(said.code, 64, "{arguments:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{arguments:?}: {said:?}");
        assert!(said.out.is_empty(), "{arguments:?}: {said:?}");
    }
    for group in [&[][..], &["phone"], &["tenant"], &["client"], &["api"], &["user"], &["key"]] {
        assert_eq!(aizuchi(group).code, 64, "{group:?}");
    }
}

/// O3: one sentence that says what to do next, exit 1.
#[test]
fn a_failure_is_one_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("phone.json").to_string_lossy().into_owned();
    let missing = folder.path().join("aizuchi.toml").to_string_lossy().into_owned();
    for (arguments, advice) in [
        (&["phone", "inbox", "--state", &state][..], "run `aizuchi phone enroll` first"),
        (&["serve", "--config", &missing], "aizuchi.toml"),
        (&["migrate", "--database", "mysql://db"], "it must begin with `sqlite:` or `postgres:`"),
    ] {
        let said = aizuchi(arguments);
        assert_eq!(said.code, 1, "{arguments:?}: {said:?}");
        assert_eq!(said.err.lines().count(), 1, "{arguments:?}: {said:?}");
        assert!(said.err.contains(advice), "{arguments:?}: {said:?}");
        assert!(said.out.is_empty(), "{arguments:?}: {said:?}");
    }
}
