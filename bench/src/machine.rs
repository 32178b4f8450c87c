//! The machine on which the metrics were measured.

use std::fs;

use serde_json::{Value, json};

/// Cores, processor, memory and kernel. Unknown values are null.
pub fn describe() -> Value {
    let cores = std::thread::available_parallelism().map(usize::from).ok();
    let processor = fs::read_to_string("/proc/cpuinfo").ok();
    let memory = fs::read_to_string("/proc/meminfo").ok();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    json!({
        "cores": cores,
        "processor": processor.as_deref().and_then(|text| field(text, "model name")),
        "memory_bytes": memory.as_deref().and_then(|text| field(text, "MemTotal")).and_then(kib_as_bytes),
        "kernel": kernel.as_deref().map(str::trim),
    })
}

/// The first value of a field in the form `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

fn kib_as_bytes(value: &str) -> Option<u64> {
    Some(value.strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_of_a_name_is_taken() {
        let text = "model\t\t: 7\nmodel name\t: A processor: fast\nmodel name\t: another\n";

        assert_eq!(field(text, "model name"), Some("A processor: fast"));
        assert_eq!(field(text, "flags"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(field("MemTotal:  2 kB\n", "MemTotal").and_then(kib_as_bytes), Some(2_048));
    }
}
