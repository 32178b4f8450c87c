//! The rights that a reader process gives up before it reads its first byte, in layers. Each is independent: one that
//! this kernel or container lacks leaves the others as they are, and the parent gets the names of the active ones.

use std::fs;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::set_no_new_privs;
use rustix::time::{ClockId, clock_gettime};

use super::settings::Limits;
use super::syscalls;
use crate::telemetry::metrics::SandboxLayer;

/// The first that the system's killer takes when memory runs out.
const OOM_SCORE: &str = "1000";
/// Standard input, output and error, and one for the layers below while they are put on.
const MAX_DESCRIPTORS: u64 = 4;

/// Activates every available layer, and returns their names.
pub(super) fn enter(limits: Limits) -> Vec<&'static str> {
    // The order matters: files are written and read before they are out of reach, and the filter of system calls
    // comes last, because it forbids the calls that the others are made of.
    let layers = [
        (SandboxLayer::OomScore, fs::write("/proc/self/oom_score_adj", OOM_SCORE).is_ok()),
        (SandboxLayer::Memory, limit_memory(limits.memory_bytes)),
        (SandboxLayer::Cpu, limit_cpu(limits)),
        (SandboxLayer::Descriptors, limit_descriptors()),
        (SandboxLayer::NoNewPrivs, set_no_new_privs(true).is_ok()),
        (SandboxLayer::LandlockFiles, forbid_files()),
        (SandboxLayer::LandlockTcp, forbid_tcp()),
        (SandboxLayer::LandlockScope, forbid_signals_and_abstract_sockets()),
        (SandboxLayer::Seccomp, syscalls::allow_only_reading().is_ok()),
    ];
    layers.into_iter().filter(|(_, stands)| *stands).map(|(layer, _)| layer.word()).collect()
}

/// Gives the next page its processor time: the limit counts from the start of the process.
pub(super) fn begin_page(limits: Limits) {
    limit_cpu(limits);
}

fn limit_memory(bytes: u64) -> bool {
    let Some(base) = address_space() else { return false };
    limit(Resource::As, base.saturating_add(bytes)) && limit(Resource::Core, 0)
}

/// Address space that the process has now.
fn address_space() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split_ascii_whitespace().next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn limit_cpu(limits: Limits) -> bool {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    // The limit is in whole seconds, and what was used is rounded down.
    let soft = u64::try_from(used).unwrap_or(0) + 1 + limits.page_seconds;
    let maximum = getrlimit(Resource::Cpu).maximum;
    setrlimit(Resource::Cpu, Rlimit { current: Some(soft), maximum }).is_ok()
}

fn limit_descriptors() -> bool {
    let limits = [(Resource::Nofile, MAX_DESCRIPTORS), (Resource::Fsize, 0), (Resource::Nproc, 0)];
    limits.into_iter().all(|(resource, most)| limit(resource, most))
}

fn limit(resource: Resource, most: u64) -> bool {
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).is_ok()
}

fn forbid_files() -> bool {
    restrict(CompatLevel::BestEffort, |ruleset| ruleset.handle_access(AccessFs::from_all(ABI::V5)))
}

fn forbid_tcp() -> bool {
    restrict(CompatLevel::HardRequirement, |ruleset| ruleset.handle_access(AccessNet::from_all(ABI::V4)))
}

fn forbid_signals_and_abstract_sockets() -> bool {
    restrict(CompatLevel::HardRequirement, |ruleset| ruleset.scope(Scope::from_all(ABI::V6)))
}

/// Forbids what `handle` names: there is no rule that allows any of it.
fn restrict(level: CompatLevel, handle: impl FnOnce(Ruleset) -> Result<Ruleset, RulesetError>) -> bool {
    let ruleset = handle(Ruleset::default().set_compatibility(level));
    let restricted = ruleset.and_then(|ruleset| ruleset.create()?.restrict_self());
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::ErrorKind;
    use std::net::TcpStream;
    use std::process::Command;
    use std::thread;

    use rustix::process::Pid;

    use super::{forbid_files, forbid_signals_and_abstract_sockets, forbid_tcp};

    #[test]
    fn each_layer_holds_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();

        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let outside = Pid::from_child(&other);

        // Landlock holds the thread that asks for it, and what it starts.
        let thread = thread::spawn(move || {
            let denied = |result: std::io::Result<()>| {
                result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
            };
            if forbid_files() {
                assert!(denied(File::open(&file).map(drop)));
                assert!(denied(fs::write(&file, "y")));
                assert!(denied(fs::read_dir("/").map(drop)));
            }
            if forbid_tcp() {
                assert!(denied(TcpStream::connect("127.0.0.1:1").map(drop)));
            }
            if forbid_signals_and_abstract_sockets() {
                assert!(denied(rustix::process::test_kill_process(outside).map_err(Into::into)));
            }
        });

        let held = thread.join();
        other.kill().unwrap();
        other.wait().unwrap();
        held.unwrap();
    }
}
