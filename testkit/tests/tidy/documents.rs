//! What documents and other files may say.

use crate::repository::{File, files, none, root};

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    // In halves, so that this file passes its own check.
    let folders = [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/tmp/", "wt"),
        ("/Use", "rs/"),
        ("/ho", "me/"),
        (".lib", "rary"),
    ]
    .map(|(one, other)| format!("{one}{other}"));
    let mut found = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if folders.iter().any(|folder| line.contains(folder.as_str())) {
                found.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    none("a path of somebody's machine", &found);
}

#[test]
fn npm_lock_files_name_no_host() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| file.is_named("package-lock.json")) {
        for (number, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("\"resolved\": \"http") {
                found.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    none("a lock file made without omit-lockfile-registry-resolved", &found);
}

#[test]
fn no_text_file_ends_without_a_newline_or_holds_a_carriage_return() {
    let ours = [".rs", ".md", ".toml", ".sql", ".js", ".mjs", ".py", ".html", ".css"];
    let mut found = Vec::new();
    for file in files() {
        let is_ours = ours.iter().any(|ending| file.is_named(ending));
        if is_ours && (!file.text.ends_with('\n') || file.text.contains('\r')) {
            found.push(file.path);
        }
    }
    none("a text file that does not end in one line feed", &found);
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| file.is_named(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in file.text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = link.split('#').next().unwrap();
                let leads_outside = path.is_empty() || path.contains("://") || path.contains(' ');
                if !leads_outside && !root().join(folder).join(path).exists() {
                    found.push(format!("{}:{}: {path}", file.path, number + 1));
                }
            }
        }
    }
    none("a link to nothing", &found);
}

/// These documents name tests as `path: function`.
const TABLES: [(&str, usize); 2] = [("docs/product.md", 20), ("docs/security.md", 30)];

/// R13: the risk assessment and the mitigations of RFC 10027 are published, each with a test that
/// there is; so are those of the product's document.
#[test]
fn every_test_that_a_table_names_exists() {
    let all = files();
    for (path, least) in TABLES {
        let table = all.iter().find(|file| file.path == path).unwrap();
        names_existing_tests(&all, &table.text, least);
    }
    let security = &all.iter().find(|file| file.path == "SECURITY.md").unwrap().text;
    assert!(security.contains("](docs/security.md)"));
    let published = &all.iter().find(|file| file.path == "docs/security.md").unwrap().text;
    for heading in ["## Risk assessment", "## The mitigations of RFC 10027", "## The attacks"] {
        assert!(published.contains(heading), "{heading}");
    }
    for mitigation in RFC_10027 {
        assert!(published.contains(&format!("\n| {mitigation} | ")), "{mitigation}");
    }
}

/// The mitigations that RFC 10027 lists.
const RFC_10027: [&str; 14] = [
    "Proximity",
    "Short-lived, one-time, unique codes",
    "Content filtering",
    "Detect and remediate",
    "Trusted devices",
    "Trusted networks",
    "Limited scopes",
    "Short-lived tokens",
    "Rate limits",
    "Sender-constrained tokens",
    "User education, user experience",
    "Authenticate, then initiate",
    "Request-initiation verification",
    "Binding with out-of-band data",
];

fn names_existing_tests(all: &[File], text: &str, least: usize) {
    let named: Vec<(&str, &str)> = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter_map(|code| code.split_once(": "))
        .collect();
    let exists = |path: &str, name: &str| {
        let file = all.iter().find(|file| file.path == path);
        let heads = [format!("fn {name}("), format!("def {name}("), format!("test(\"{name}")];
        file.is_some_and(|file| heads.iter().any(|head| file.text.contains(head)))
    };
    let missing: Vec<_> = named.iter().filter(|(path, name)| !exists(path, name)).collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
    assert!(named.len() > least, "only {} tests are named", named.len());
}
