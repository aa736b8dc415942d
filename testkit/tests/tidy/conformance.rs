//! `docs/conformance.md`: every numbered requirement, and which test proves it. A test claims a
//! requirement by a doc line that begins `W138:` or `W138, W139:` directly above it (`//` and `#`
//! in other languages); at most three numbers, no ranges.

#[path = "conformance/claims.rs"]
mod claims;
#[path = "conformance/requirements.rs"]
mod requirements;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::repository::{files, is_generated, none};
use claims::Claim;
use requirements::{Requirement, requirements};

const HEAD: &str = "# Conformance

Generated from the tests by `UPDATE_CONFORMANCE=1 cargo test -p testkit --test tidy`; do not
edit. A line is proven when a test that runs in the gate claims its number in a doc line, and open
otherwise. W: Auth0's wire. G: Guardian devices. D: Aizuchi devices. C: CIBA Core. F: FAPI-CIBA.
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

fn document(requirements: &[Requirement], claims: &[Claim]) -> String {
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
                None => writeln!(text, "- {}: {}\n  - open", one.number, one.text).unwrap(),
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
    let generated = document(&requirements(), &claims);
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
