//! What the crates' manifests may say.

use crate::repository::{none, read};

/// The crates, left to right: each may use only what stands before it.
const LINE: [&str; 6] = ["device-protocol", "domain", "store", "server", "aizuchi", "testkit"];
/// How many dependencies one comment may introduce.
const DEPENDENCIES_A_COMMENT: usize = 4;

/// One dependency as its manifest lists it.
struct Dependency {
    section: String,
    name: String,
    line: usize,
    /// How many dependencies its comment has introduced so far, itself included; none without one.
    place: Option<usize>,
}

fn dependencies(manifest: &str) -> Vec<Dependency> {
    let (mut found, mut section, mut place) = (Vec::new(), String::new(), None);
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, place) = (name.to_owned(), None);
        } else if line.is_empty() {
            place = None;
        } else if line.starts_with('#') {
            place = Some(0);
        } else if section.ends_with("dependencies") {
            place = place.map(|place| place + 1);
            let name = line.split(['.', ' ', '=']).next().unwrap().to_owned();
            found.push(Dependency { section: section.clone(), name, line: number + 1, place });
        }
    }
    found
}

#[test]
fn no_crate_looks_to_its_right() {
    let mut found = Vec::new();
    for (place, name) in LINE.iter().enumerate() {
        for dependency in dependencies(&read(&format!("{name}/Cargo.toml"))) {
            let is_testing =
                dependency.section == "dev-dependencies" && dependency.name == "testkit";
            let other = LINE.iter().position(|other| *other == dependency.name);
            if other.is_some_and(|other| other >= place) && !is_testing {
                let (line, other) = (dependency.line, dependency.name);
                found.push(format!("{name}/Cargo.toml:{line} lists {other}"));
            }
        }
    }
    none("a crate may use only what stands to its left", &found);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let missing =
        |name: &&&str| !read(&format!("{name}/Cargo.toml")).contains("[lints]\nworkspace = true\n");
    let found: Vec<_> =
        LINE.iter().filter(missing).map(|name| format!("{name}/Cargo.toml")).collect();
    none("[lints] workspace = true is missing", &found);
}

#[test]
fn every_dependency_is_introduced_by_a_comment() {
    let mut found = Vec::new();
    for name in LINE {
        for dependency in dependencies(&read(&format!("{name}/Cargo.toml"))) {
            if dependency.place.is_none_or(|place| place > DEPENDENCIES_A_COMMENT) {
                let (line, other) = (dependency.line, dependency.name);
                found.push(format!("{name}/Cargo.toml:{line}: what is {other} for?"));
            }
        }
    }
    none("a dependency comes with a comment", &found);
}

#[test]
fn every_crate_of_the_workspace_stands_in_the_line() {
    let members = LINE.map(|name| format!("\"{name}\"")).join(", ");
    assert!(read("Cargo.toml").contains(&format!("members = [{members}]")));
}

#[test]
fn the_fuzz_targets_pin_what_the_domain_needs() {
    let lock = read("fuzz/Cargo.lock");
    let mut found = Vec::new();
    for name in ["device-protocol", "domain"] {
        let package =
            lock.split("[[package]]").find(|text| text.contains(&format!("\"{name}\"\nversion")));
        for needed in dependencies(&read(&format!("{name}/Cargo.toml"))) {
            // Those with a version beside the name are there more than once.
            let is_pinned = [format!("\"{}\"", needed.name), format!("\"{} ", needed.name)]
                .iter()
                .any(|line| package.is_some_and(|package| package.contains(line)));
            if needed.section == "dependencies" && !is_pinned {
                found.push(format!("{name} needs {}", needed.name));
            }
        }
    }
    none(
        "fuzz/Cargo.lock is older than a manifest: copy Cargo.lock there and run cargo metadata",
        &found,
    );
}
