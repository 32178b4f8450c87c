//! The system calls that a reader needs to read pages. Any other one ends it.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Memory, time, chance, and the ways in which a process ends, an abort among them.
const PLAIN: [libc::c_long; 18] = [
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rseq,
];

/// From here on this process reads its input, writes its output, takes memory, and ends. It opens nothing, starts
/// nothing, and reaches no other process.
pub(super) fn allow_only_reading() -> Result<(), Error> {
    enforce(SeccompAction::KillProcess)
}

fn enforce(otherwise: SeccompAction) -> Result<(), Error> {
    let filter = SeccompFilter::new(rules()?, otherwise, SeccompAction::Allow, target()?)?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)
}

fn target() -> Result<TargetArch, BackendError> {
    ARCH.try_into()
}

fn rules() -> Result<Rules, BackendError> {
    let mut rules: Rules = PLAIN.iter().map(|call| (number(*call), Vec::new())).collect();
    rules.insert(number(libc::SYS_read), vec![rule([is(0, 0)?])?]);
    rules.insert(number(libc::SYS_write), vec![rule([is(0, 1)?])?, rule([is(0, 2)?])?]);
    // Memory of its own, in which nothing is run.
    rules.insert(
        number(libc::SYS_mmap),
        vec![rule([has(3, libc::MAP_ANONYMOUS)?, has_not(2, libc::PROT_EXEC)?])?],
    );
    rules.insert(number(libc::SYS_mprotect), vec![rule([has_not(2, libc::PROT_EXEC)?])?]);
    // Its own processor time alone.
    let cpu = u64::from(libc::RLIMIT_CPU);
    rules.insert(number(libc::SYS_prlimit64), vec![rule([is(0, 0)?, is(1, cpu)?])?]);
    let abort = u64::from(libc::SIGABRT.unsigned_abs());
    rules.insert(number(libc::SYS_tgkill), vec![rule([is(2, abort)?])?]);
    Ok(rules)
}

#[expect(clippy::useless_conversion, reason = "a system call's number is narrower on some targets")]
fn number(call: libc::c_long) -> i64 {
    i64::from(call)
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into())
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn has(argument: u8, flag: libc::c_int) -> Result<SeccompCondition, BackendError> {
    masked(argument, flag, flag)
}

fn has_not(argument: u8, flag: libc::c_int) -> Result<SeccompCondition, BackendError> {
    masked(argument, flag, 0)
}

fn masked(argument: u8, flag: libc::c_int, wanted: libc::c_int) -> Result<SeccompCondition, BackendError> {
    let mask = SeccompCmpOp::MaskedEq(u64::from(flag.unsigned_abs()));
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, mask, u64::from(wanted.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fs::File;
    use std::io::{self, Read};
    use std::net::{TcpStream, UdpSocket};
    use std::process::Command;
    use std::thread;

    use rustix::process::{Resource, Rlimit};

    use super::super::handler;
    use super::super::wire::{PageRequest, REQUEST_HEADER_BYTES, Request, request_head};
    use super::*;
    use crate::crawler::content_kind::ContentKind;
    use crate::crawler::links::AllowedHosts;

    #[test]
    fn the_filter_can_be_made_for_both_architectures() {
        for target in [TargetArch::x86_64, TargetArch::aarch64] {
            let filter = SeccompFilter::new(
                rules().unwrap(),
                SeccompAction::KillProcess,
                SeccompAction::Allow,
                target,
            );
            let program: BpfProgram = filter.unwrap().try_into().unwrap();
            assert!(program.len() > 40);
        }
    }

    #[test]
    fn under_the_filter_a_page_is_read_and_everything_else_refused() {
        // On a thread of its own, and refused instead of killed, so that the test is there to see it.
        let mut other = File::open("/dev/zero").unwrap();
        let thread = thread::spawn(move || {
            enforce(SeccompAction::Errno(libc::EXDEV.unsigned_abs())).unwrap();
            let refused = |error: io::Error| error.raw_os_error() == Some(libc::EXDEV);
            let read = read_a_page();
            let calls = [
                File::open("/etc/passwd").map(drop),
                File::create("/tmp/x").map(drop),
                UdpSocket::bind("127.0.0.1:0").map(drop),
                TcpStream::connect("127.0.0.1:1").map(drop),
                Command::new("/bin/true").spawn().map(drop),
                thread::Builder::new().spawn(|| {}).map(drop),
                other.read(&mut [0]).map(drop),
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::URG)
                    .map_err(io::Error::from),
                rustix::process::setrlimit(Resource::As, Rlimit { current: None, maximum: None })
                    .map_err(io::Error::from),
            ];
            (read, calls.map(|call| call.err().is_some_and(refused)))
        });

        let (read, refused) = thread.join().unwrap();
        assert!(read);
        assert_eq!(refused, [true; 9]);
    }

    fn read_a_page() -> bool {
        let hosts = AllowedHosts::of([], &["homes.example.com".to_owned()]);
        let page = PageRequest {
            url: "https://homes.example.com/".into(),
            content: ContentKind::Html,
            charset: None,
            robots_tag: None,
            refresh: None,
            next_links: Vec::new(),
            hosts: Cow::Borrowed(&hosts),
            most_links: 10,
            most_listings: 10,
            // Compiling takes memory and nothing else of the system.
            rules: r#"{"detail": "x", "fields": {"list_price": {"css": "a", "regex": "[0-9]+"}}}"#.into(),
            explain: true,
        };
        let head = request_head(&Request::Page(page), 0).unwrap();
        let html =
            "<a href=/1>1</a><script type=application/ld+json>{\"@type\": \"House\"}</script>".repeat(2_000);
        handler::respond(&head[REQUEST_HEADER_BYTES..], html.into_bytes(), None, String::new).is_ok()
    }

    #[test]
    fn nothing_opens_starts_or_connects() {
        let allowed = rules().unwrap();

        for call in [
            libc::SYS_openat,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_clone,
            libc::SYS_clone3,
            libc::SYS_kill,
            libc::SYS_ptrace,
            libc::SYS_ioctl,
            libc::SYS_sendmsg,
            libc::SYS_dup,
            libc::SYS_fcntl,
            libc::SYS_io_uring_setup,
        ] {
            assert!(!allowed.contains_key(&call), "{call}");
        }
        assert!(!PLAIN.contains(&libc::SYS_prlimit64) && !PLAIN.contains(&libc::SYS_mmap));
    }
}
