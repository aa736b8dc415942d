//! `docs/conformance.md`: every numbered requirement, and which test proves it. A test claims a
//! requirement by a doc line that begins `W138:` or `W138, W139:` directly above it (`//` and `#`
//! in other languages); at most three numbers, no ranges. A line that is open on purpose has its
//! reason in `docs/open-lines.tsv`.

#[path = "conformance/claims.rs"]
mod claims;
#[path = "conformance/requirements.rs"]
mod requirements;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::repository::{files, is_generated, none, read};
use claims::Claim;
use requirements::{Requirement, requirements};

const HEAD: &str = "# Conformance

Generated from the tests by `UPDATE_CONFORMANCE=1 cargo test -p testkit --test tidy`; do not
edit. A line is proven when a test that runs in the gate claims its number in a doc line, and open
otherwise; why it is open on purpose stands in `docs/open-lines.tsv`. W: Auth0's wire. G: Guardian devices. D: Aizuchi devices. C: CIBA Core. F: FAPI-CIBA.
R: related standards. P: delivery by ping and push. T: certification behaviour. A: attacks. N: what
no certification covers. O: commands, development tools and operations (`docs/requirements.md`).
The texts here are shortened.

";

/// The kind whose numbers we give.
const OURS: char = 'O';

/// The kinds of requirements with what they are about, in the order of the document.
const KINDS: [(char, &str); 11] = [
    ('W', "Auth0 on the wire"),
    ('G', "Guardian devices"),
    ('D', "Aizuchi devices"),
    ('C', "CIBA Core"),
    ('F', "FAPI-CIBA"),
    ('R', "Related standards"),
    ('P', "Delivery by ping and push"),
    ('T', "Certification behaviour"),
    ('A', "Attacks"),
    ('N', "What no certification covers"),
    ('O', "Operations"),
];

fn claims() -> (Vec<Claim>, Vec<String>) {
    let (mut claims, mut faults) = (Vec::new(), Vec::new());
    for file in files() {
        claims::collect(&file.path, &file.text, &mut claims, &mut faults);
    }
    (claims, faults)
}

/// The lines that are open on purpose, in the order of their file, with the reason.
fn reasons(text: &str) -> Vec<(&str, &str)> {
    text.lines().map(|line| line.split_once('\t').unwrap_or((line, ""))).collect()
}

fn document(requirements: &[Requirement], claims: &[Claim], reasons: &[(&str, &str)]) -> String {
    let reasons: BTreeMap<&str, &str> = reasons.iter().copied().collect();
    let mut proofs = BTreeMap::<&str, Vec<String>>::new();
    for claim in claims {
        for number in &claim.numbers {
            let name = claim.test.replace('_', " ");
            proofs.entry(number).or_default().push(format!("{} ({})", name, claim.path));
        }
    }
    let is_proven = |one: &&Requirement| proofs.contains_key(one.number.as_str());
    let mut text = HEAD.to_owned();
    text.push_str("| | about | proven | open |\n| --- | --- | ---: | ---: |\n");
    for (kind, title) in KINDS {
        let all: Vec<_> = requirements.iter().filter(|one| one.kind() == kind).collect();
        let proven = all.iter().copied().filter(is_proven).count();
        writeln!(text, "| {kind} | {title} | {proven} | {} |", all.len() - proven).unwrap();
    }
    for (kind, title) in KINDS {
        writeln!(text, "\n## {kind}: {title}\n").unwrap();
        for one in requirements.iter().filter(|one| one.kind() == kind) {
            match proofs.get(one.number.as_str()) {
                None => {
                    let why = reasons.get(one.number.as_str());
                    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                    writeln!(text, "- {}: {}\n  - open{why}", one.number, one.text).unwrap();
                }
                Some(tests) => {
                    writeln!(text, "- **{}**: {}", one.number, one.text).unwrap();
                    for test in tests {
                        writeln!(text, "  - {test}").unwrap();
                    }
                }
            }
        }
    }
    text
}

#[test]
fn the_committed_table_is_what_the_tests_claim() {
    let (claims, _) = claims();
    let kept = read("docs/open-lines.tsv");
    let generated = document(&requirements(), &claims, &reasons(&kept));
    is_generated("docs/conformance.md", "UPDATE_CONFORMANCE", &generated);
}

#[test]
fn every_claim_names_requirements_that_exist() {
    let requirements = requirements();
    let (claims, mut faults) = claims();
    for claim in claims {
        for number in &claim.numbers {
            if !requirements.iter().any(|one| one.number == *number) {
                faults.push(format!("{}:{}: there is no {number}", claim.path, claim.line));
            }
        }
    }
    none("a claim that cannot be listed", &faults);
}

#[test]
fn a_reason_stands_for_a_line_that_is_open() {
    let (requirements, kept) = (requirements(), read("docs/open-lines.tsv"));
    let (claims, _) = claims();
    none("a reason that explains nothing", &unfounded(&requirements, &claims, &reasons(&kept)));
}

#[test]
fn a_reason_for_a_proven_an_unknown_or_a_named_line_is_a_fault() {
    let requirement = |number: &str| Requirement { number: number.to_owned(), text: String::new() };
    let requirements = [requirement("W1"), requirement("W2")];
    let (path, test, numbers) = (String::new(), String::new(), vec![String::from("W1")]);
    let claims = [Claim { path, line: 1, test, numbers }];
    let faults = |kept| unfounded(&requirements, &claims, &reasons(kept)).len();
    assert_eq!(faults("W2\tlater\n"), 0);
    for kept in ["W1\tlater\n", "W3\tlater\n", "W2\tlater\nW2\tnever\n", "W2\t\n", "W2 later\n"] {
        assert!(faults(kept) > 0, "{kept}");
    }
    let shown = document(&requirements, &claims, &[("W2", "later")]);
    assert!(shown.contains("- W2: \n  - open: later\n"), "{shown}");
}

/// What is wrong with the reasons: each stands once, for a line that there is and nobody proves.
fn unfounded(
    requirements: &[Requirement],
    claims: &[Claim],
    reasons: &[(&str, &str)],
) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (number, why) in reasons {
        let proven = claims.iter().any(|claim| claim.numbers.iter().any(|one| one == number));
        let known = requirements.iter().any(|one| one.number == *number);
        for (is_wrong, fault) in [
            (!known, "there is no such number"),
            (proven, "a test proves it"),
            (why.trim().is_empty(), "no reason behind a tab"),
            (!seen.insert(*number), "it stands there twice"),
        ] {
            if is_wrong {
                faults.push(format!("docs/open-lines.tsv: {number}: {fault}"));
            }
        }
    }
    faults
}

/// The protocols' numbers are their documents'. Our own begin anew at a round number with each part of
/// the program, so that parts grow without renumbering.
#[test]
fn requirements_are_numbered_without_gaps() {
    let requirements = requirements();
    for (kind, _) in KINDS {
        let numbers: Vec<u32> = requirements
            .iter()
            .filter(|one| one.kind() == kind)
            .map(|one| one.number.trim_start_matches(kind).parse().unwrap())
            .collect();
        let follows = |number: u32| {
            number == 1
                || (kind == OURS && number.is_multiple_of(10))
                || numbers.contains(&(number - 1))
        };
        let faults: Vec<_> = numbers.iter().filter(|number| !follows(**number)).collect();
        let distinct: BTreeSet<_> = numbers.iter().collect();
        assert_eq!((faults, distinct.len()), (Vec::new(), numbers.len()), "{kind}");
        assert!(!numbers.is_empty(), "no {kind} requirement at all");
    }
}
