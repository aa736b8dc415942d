//! Rows that meet every pair of values: each value of an axis with each of every other axis in at
//! least one row, but for pairs that no allowed row has. Greedy and the same each time.

use std::collections::BTreeSet;

/// The values of one row, by axis.
pub(crate) type Row = Vec<usize>;
/// Two axes, each with its value.
type Pair = (usize, usize, usize, usize);

fn pairs(row: &[usize]) -> impl Iterator<Item = Pair> {
    (0..row.len()).flat_map(move |a| (a + 1..row.len()).map(move |b| (a, row[a], b, row[b])))
}

fn all_rows(sizes: &[usize]) -> Vec<Row> {
    sizes.iter().fold(vec![Row::new()], |rows, size| {
        let longer = |row: &Row| {
            let row = row.clone();
            (0..*size).map(move |value| row.iter().copied().chain([value]).collect())
        };
        rows.iter().flat_map(longer).collect()
    })
}

/// The rows for axes of these sizes.
pub(crate) fn rows(sizes: &[usize], is_allowed: impl Fn(&[usize]) -> bool) -> Vec<Row> {
    let candidates: Vec<Row> = all_rows(sizes).into_iter().filter(|row| is_allowed(row)).collect();
    let mut missing: BTreeSet<Pair> = candidates.iter().flat_map(|row| pairs(row)).collect();
    let mut chosen = Vec::new();
    while !missing.is_empty() {
        let gain = |row: &&Row| pairs(row).filter(|pair| missing.contains(pair)).count();
        // Of equals the first.
        let best = candidates.iter().rev().max_by_key(gain).unwrap();
        for pair in pairs(best) {
            missing.remove(&pair);
        }
        chosen.push(best.clone());
    }
    chosen
}

#[test]
fn each_allowed_pair_is_met() {
    let is_allowed = |row: &[usize]| !(row[0] == 0 && row[1] == 1);
    let chosen = rows(&[3, 2, 4], is_allowed);
    assert!(chosen.iter().all(|row| is_allowed(row)));
    let met: BTreeSet<Pair> = chosen.iter().flat_map(|row| pairs(row)).collect();
    assert_eq!(met.len(), 3 * 2 - 1 + 3 * 4 + 2 * 4);
    assert!((12..=14).contains(&chosen.len()), "{} rows", chosen.len());
}
