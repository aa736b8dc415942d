//! Both engines are migrated alike.

use std::collections::BTreeMap;

use crate::repository::{File, files};

fn migrations(engine: &str) -> Vec<File> {
    let folder = format!("store/migrations/{engine}");
    files().into_iter().filter(|file| file.is_in(&folder)).collect()
}

/// The columns of each table that these files leave behind, in order.
fn columns(migrations: &[File]) -> BTreeMap<String, Vec<String>> {
    let (mut tables, mut table) = (BTreeMap::<String, Vec<String>>::new(), None);
    for line in migrations.iter().flat_map(|file| file.text.lines()) {
        let line = line.trim_end();
        // PostgreSQL keeps the table of polls out of its log: what it holds need not survive.
        let line = line.replacen("CREATE UNLOGGED TABLE ", "CREATE TABLE ", 1);
        let words: Vec<&str> = line.trim_end_matches(';').split(' ').collect();
        if let ["DROP", "TABLE", dropped] = words[..] {
            tables.remove(dropped);
        } else if let ["ALTER", "TABLE", from, "RENAME", "TO", to] = words[..] {
            let renamed = tables.remove(from).unwrap();
            tables.insert(to.to_owned(), renamed);
        } else if let ["ALTER", "TABLE", of, "ADD", "COLUMN", column, ..] = words[..] {
            tables.entry(of.to_owned()).or_default().push(column.to_owned());
        } else if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            table = rest.split([' ', '(']).next().map(str::to_owned);
        } else if line.starts_with(')') {
            table = None;
        } else if let (Some(table), Some(column)) = (&table, line.strip_prefix("    ")) {
            let name = column.split(' ').next().unwrap();
            if !name.is_empty()
                && name.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c))
            {
                tables.entry(table.clone()).or_default().push(name.to_owned());
            }
        }
    }
    tables
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| -> Vec<_> {
        let folder = format!("store/migrations/{engine}/");
        migrations(engine).iter().map(|file| file.path.replace(&folder, "")).collect()
    };
    let sqlite = names("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, names("postgres"));
}

#[test]
fn both_engines_create_the_same_tables_and_columns() {
    let sqlite = columns(&migrations("sqlite"));
    assert!(sqlite["transactions"].contains(&"expires_at".to_owned()));
    assert_eq!(sqlite, columns(&migrations("postgres")));
}
