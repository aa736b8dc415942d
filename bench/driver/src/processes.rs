//! What the servers used, from /proc. Linux only.

use std::collections::HashMap;
use std::fs;

/// Clock ticks a second in /proc, fixed in Linux's interface.
const TICKS: f64 = 100.0;

/// A process as /proc tells it: parent and CPU seconds.
fn stat(pid: u32) -> Option<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    Some((fields.get(1)?.parse().ok()?, (number(11)? + number(12)?) / TICKS))
}

/// These processes and all their descendants.
fn trees(roots: &[u32]) -> Vec<u32> {
    let mut parents = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Some((parent, _)) = stat(pid)
        {
            parents.insert(pid, parent);
        }
    }
    let mut found = roots.to_vec();
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| found.contains(parent) && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// CPU seconds, user and system, that these processes and their descendants used so far.
pub(crate) fn cpu_s(roots: &[u32]) -> f64 {
    trees(roots).into_iter().filter_map(stat).map(|(_, cpu)| cpu).sum()
}

/// CPU seconds of this process.
pub(crate) fn own_cpu_s() -> f64 {
    stat(std::process::id()).map_or(0.0, |(_, cpu)| cpu)
}

/// Resident memory of these processes, MiB; shared pages count in each (their descendants are
/// left out: PostgreSQL's share their buffers).
pub(crate) fn resident_mib(roots: &[u32]) -> f64 {
    let of = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    roots.iter().filter_map(of).sum::<f64>() / 1024.0
}
