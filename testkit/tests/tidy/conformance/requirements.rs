//! The numbered requirements: those of the protocols from `docs/requirements-index.tsv`, those of
//! the program itself from the lines of `docs/requirements.md`.

use crate::repository::read;

/// How much of a requirement's text the table shows.
const SHOWN: usize = 100;

/// One requirement.
pub(crate) struct Requirement {
    /// `W138`.
    pub(crate) number: String,
    /// The beginning of what it says.
    pub(crate) text: String,
}

impl Requirement {
    /// The letter of its number.
    pub(crate) fn kind(&self) -> char {
        self.number.chars().next().unwrap()
    }
}

/// All requirements, in the order of their lists.
pub(crate) fn requirements() -> Vec<Requirement> {
    let index = read("docs/requirements-index.tsv");
    let of_protocols = index.lines().map(|line| {
        let (number, text) = line.split_once('\t').unwrap();
        Requirement { number: number.to_owned(), text: text.to_owned() }
    });
    let own = read("docs/requirements.md");
    let own = own.lines().filter_map(|line| {
        let (number, text) = line.strip_prefix("- **")?.split_once("** ")?;
        Some(Requirement { number: number.to_owned(), text: shortened(text) })
    });
    of_protocols.chain(own).collect()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let shown: String = text.chars().take(SHOWN).collect();
    let shown = shown.rsplit_once(' ').map_or(shown.as_str(), |(words, _)| words);
    let shown = shown.trim_end_matches([',', ';', ':']);
    let closing = if shown.matches('`').count() % 2 == 1 { "`" } else { "" };
    format!("{shown}{closing} …")
}
