//! What documents and other files may say.

use crate::repository::{files, none, root};

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

/// `docs/product.md` names tests as `path: function`.
#[test]
fn every_test_that_the_product_table_names_exists() {
    let all = files();
    let table = all.iter().find(|file| file.path == "docs/product.md").unwrap();
    let named: Vec<(&str, &str)> =
        table.text.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(": ")).collect();
    let exists = |path: &str, name: &str| {
        let file = all.iter().find(|file| file.path == path);
        let heads = [format!("fn {name}("), format!("def {name}("), format!("test(\"{name}")];
        file.is_some_and(|file| heads.iter().any(|head| file.text.contains(head)))
    };
    let missing: Vec<_> = named.iter().filter(|(path, name)| !exists(path, name)).collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
    assert!(named.len() > 20, "only {} tests are named", named.len());
}
