//! The server under measurement, and what it uses.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Outcome, say};

/// Of `/proc/PID/stat`, on every Linux that Lotline runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The server under measurement; killed when dropped.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    pub fn start(binary: &Path, environment: &BTreeMap<String, String>) -> Outcome<Self> {
        let mut process =
            Command::new(binary).arg("serve").envs(environment).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stderr.take().ok_or("no standard error")?).lines();
        let url = loop {
            let line = lines.next().ok_or("the server did not start")??;
            match line.strip_prefix("listening on ") {
                Some(url) => break url.to_owned(),
                None => say(line)?,
            }
        };
        // Somebody must go on reading, or the server's log would stand still.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(say));
        Ok(Self { process, url })
    }

    pub fn usage(&self) -> Outcome<Usage> {
        let proc = PathBuf::from(format!("/proc/{}", self.process.id()));
        let stat = std::fs::read_to_string(proc.join("stat"))?;
        // The name in brackets may hold blanks; the 12th and 13th field after it are user and system time.
        let fields = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let ticks: f64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
        let status = std::fs::read_to_string(proc.join("status"))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        let (rss_kib, peak_kib) = (kib("VmRSS").ok_or("no VmRSS")?, kib("VmHWM").ok_or("no VmHWM")?);
        Ok(Usage { cpu_secs: ticks / TICKS_PER_SECOND, rss_kib, peak_kib })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the server has used so far.
#[derive(Clone, Copy)]
pub struct Usage {
    pub cpu_secs: f64,
    pub rss_kib: f64,
    pub peak_kib: f64,
}

pub fn mib(usage: Usage) -> f64 {
    usage.rss_kib / 1024.0
}
