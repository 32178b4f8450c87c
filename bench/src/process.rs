//! Resource usage of a process from proc(5): CPU time with its children, and resident memory.

use std::fs;

use crate::Outcome;

/// Clock ticks of one process.
#[derive(Debug, PartialEq, Eq)]
struct Ticks {
    /// Its own: `utime` and `stime`.
    own: u64,
    /// Of the children that it has waited for: `cutime` and `cstime`.
    waited: u64,
}

/// CPU time of the process, of its running children and of those that it has waited for.
pub fn cpu_seconds(pid: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = parse_stat(&stat).ok_or("/proc/PID/stat cannot be read")?;
    let children: u64 = children(pid).into_iter().filter_map(own_ticks).sum();
    Ok((ticks.own + ticks.waited + children) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory of the process, without its children.
pub fn resident_bytes(pid: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(parse_resident(&status).ok_or("/proc/PID/status has no VmRSS")?)
}

/// A child may have ended since it was listed; its time then counts for the parent.
fn own_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(parse_stat(&stat)?.own)
}

/// Each thread lists the children that it started.
fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| parse_children(&list)).collect()
}

fn parse_children(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn parse_stat(stat: &str) -> Option<Ticks> {
    // The name in parentheses may contain blanks and parentheses; `utime` is the twelfth field after it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Ticks { own: field(11)? + field(12)?, waited: field(13)? + field(14)? })
}

fn parse_resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_after_a_name_with_blanks_and_brackets() {
        let stat = "41 (a b) c) S 1 41 41 0 -1 4194304 90 0 0 0 120 30 7 3 20 0 9 0 500 1000 200";

        assert_eq!(parse_stat(stat), Some(Ticks { own: 150, waited: 10 }));
    }

    #[test]
    fn a_truncated_line_is_no_value() {
        assert_eq!(parse_stat("41 (lotline) S 1 41 41 0 -1 4194304 90 0 0 0 120"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(parse_resident("VmPeak:\t 900 kB\nVmRSS:\t  512 kB\n"), Some(524_288.0));
        assert_eq!(parse_resident("VmPeak:\t 900 kB\n"), None);
    }

    #[test]
    fn children_are_listed_with_blanks_between() {
        assert_eq!(parse_children("12 345 6 \n"), [12, 345, 6]);
    }

    #[test]
    fn this_process_has_memory_and_a_processor_time() {
        let pid = std::process::id();

        assert!(resident_bytes(pid).unwrap() > 0.0);
        assert!(cpu_seconds(pid).unwrap() >= 0.0);
    }
}
