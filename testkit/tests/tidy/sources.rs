//! What source files may hold and name.

use crate::repository::rust::{Kind, lines_naming, names, stretches};
use crate::repository::{File, files, none};

/// Lines of a source file, tests included.
const LONGEST_FILE: usize = 600;
/// Endings of source files.
const SOURCES: [&str; 6] = [".rs", ".js", ".mjs", ".py", ".sh", ".css"];
/// Where the wire's column of a refusal is looked up. Everything else in `server/src/http` does
/// not know that profiles exist.
const KNOWS_PROFILES: &str = "server/src/http/oauth/face.rs";

/// The one window for calls to others.
const WAY_OUT: &str = "server/src/outside/http/";

fn rust() -> Vec<File> {
    files().into_iter().filter(|file| file.is_named(".rs")).collect()
}

#[test]
fn no_source_file_is_longer_than_the_limit() {
    let mut found = Vec::new();
    for file in files() {
        let lines = file.text.lines().count();
        if SOURCES.iter().any(|ending| file.is_named(ending)) && lines > LONGEST_FILE {
            found.push(format!("{}: {lines} lines", file.path));
        }
    }
    none("a source file has at most 600 lines", &found);
}

#[test]
fn sql_stands_in_store_only() {
    let statements = ["select ", "insert into", "update ", "delete from"].map(str::to_uppercase);
    let mut found = Vec::new();
    for file in rust().iter().filter(|file| !file.is_in("store")) {
        for text in stretches(&file.text).iter().filter(|one| one.kind == Kind::Text) {
            if statements.iter().any(|sql| text.text.contains(sql.as_str())) {
                found.push(format!("{}:{}", file.path, text.line));
            }
        }
    }
    none("SQL outside store", &found);
}

/// Files of a folder that name one of these paths in their code.
fn naming(folder: &str, paths: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust().iter().filter(|file| file.is_in(folder)) {
        for path in paths {
            for line in lines_naming(&file.text, path) {
                found.push(format!("{}:{line} names {path}", file.path));
            }
        }
    }
    found
}

/// Files of a folder that reach a module of the crate's root through `use crate::{…}`.
fn importing(folder: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust().iter().filter(|file| file.is_in(folder)) {
        let code: String = stretches(&file.text)
            .iter()
            .filter(|one| one.kind == Kind::Code)
            .flat_map(|one| one.text.chars().filter(|c| !c.is_whitespace()))
            .collect();
        for group in code.split("crate::{").skip(1) {
            let entries = group.split(';').next().unwrap();
            if top_level(entries).iter().any(|entry| entry.split("::").next() == Some(module)) {
                found.push(format!("{}: imports crate::{module}", file.path));
            }
        }
    }
    found
}

/// The entries of a braced list, without those of lists inside it.
fn top_level(entries: &str) -> Vec<String> {
    let (mut found, mut depth) = (vec![String::new()], 0_i32);
    for c in entries.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(String::new()),
            c if depth == 0 => found.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    found
}

#[test]
fn entries_of_an_import_are_told_from_those_inside_them() {
    assert_eq!(top_level("App,flows::{http,x},http::a}fn"), ["App", "flows::", "http::a"]);
}

#[test]
fn flows_do_not_know_how_they_are_reached() {
    let mut found = naming("server/src/flows", &["axum", "crate::http"]);
    found.extend(importing("server/src/flows", "http"));
    none("a flow names its callers' world", &found);
}

/// Calls to others go through one window, which checks whom it calls (architecture 5).
#[test]
fn the_server_has_one_way_out() {
    let mut found = naming("server/src", &["hyper_rustls", "client::legacy", "reqwest"]);
    assert!(found.iter().any(|one| one.starts_with(WAY_OUT)), "the rule finds nothing: {found:?}");
    found.retain(|one| !one.starts_with(WAY_OUT));
    none("a second way out", &found);
}

#[test]
fn push_does_not_know_the_database() {
    none("push names the database", &naming("server/src/push", &["store"]));
}

#[test]
fn no_flow_and_no_handler_asks_for_the_profile() {
    let mut found = naming("server/src/flows", &["Profile"]);
    for finding in naming("server/src/http", &["Profile"]) {
        if !finding.starts_with(KNOWS_PROFILES) {
            found.push(finding);
        }
    }
    none("profiles are data (architecture 3)", &found);
}

#[test]
fn a_test_neither_sleeps_nor_is_ignored() {
    let mut found = Vec::new();
    for file in rust() {
        for stretch in stretches(&file.text).iter().filter(|one| one.kind == Kind::Code) {
            for (offset, line) in stretch.text.lines().enumerate() {
                if line.trim_start().starts_with("#[ignore") || names(line, "thread::sleep") {
                    found.push(format!("{}:{}", file.path, stretch.line + offset));
                }
            }
        }
    }
    none("a test that sleeps or does not run", &found);
}
