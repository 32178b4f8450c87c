//! A reader's sandbox, observed from outside: the product has no test hook for it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::process::{Command, Stdio};

use lotline::crawler::reader::child::SUBCOMMAND;
use lotline::telemetry::metrics::SandboxLayer;

use super::node::Node;
use super::site::Site;
use crate::support::app::{Backend, TestApp};
use crate::support::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_holds_itself_before_it_reads_anything() {
    let (node, _) = Node::start("localhost:1", &[("LOTLINE__CRAWLER__READER_MEMORY_MB", "100")]);

    let reader = node.readers().await[0];
    eventually("the filter of system calls", async || reader.status("Seccomp") == "2").await;

    assert_eq!(reader.status("NoNewPrivs"), "1");
    assert_eq!(reader.status("Threads"), "1");
    assert_eq!(reader.read("oom_score_adj").trim(), "1000");
    assert_eq!(fs::read(reader.path("environ")).unwrap(), b"");
    assert_eq!(fs::read_link(reader.path("cwd")).unwrap().to_str(), Some("/"));
    let limits = ["Max core file size", "Max open files", "Max file size", "Max processes"];
    assert_eq!(limits.map(|name| reader.limit(name)), ["0", "4", "0", "0"]);
    let room = reader.limit("Max address space").parse::<usize>().unwrap() / 1024;
    let now: usize = reader.status("VmSize").trim_end_matches(" kB").parse().unwrap();
    assert!((90 * 1024..=100 * 1024).contains(&(room - now)), "{now} kB of {room} kB");
    assert!(reader.limit("Max cpu time").parse::<u64>().unwrap() <= 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_has_its_two_pipes_and_nothing_else() {
    let site = Site::open([("/", b"<p>x".to_vec())]).await;
    let (node, person) = Node::start(&site.address.to_string(), &[]);
    let job = node.starts_a_crawl(&person, &[site.url("/")]).await;
    node.sees_the_end_of(&person, job).await;

    // A reader that is started later, when the server has its store, its listener and connections open.
    let first = node.readers().await[0];
    first.signal(rustix::process::Signal::KILL);
    let job = node.starts_a_crawl(&person, &[site.url("/")]).await;
    let ended = node.sees_the_end_of(&person, job).await;
    let reader = node.readers().await[0];
    let descriptors = fs::read_dir(reader.path("fd")).unwrap().map(|entry| entry.unwrap().path());
    let mut kinds: Vec<_> = descriptors
        .map(|path| {
            let kind = fs::metadata(&path).unwrap().file_type();
            let number = path.file_name().unwrap().to_str().unwrap().to_owned();
            (number, kind.is_fifo(), fs::read_link(&path).unwrap().display().to_string())
        })
        .collect();
    kinds.sort();
    // Descriptors that this test inherited without close-on-exec are inherited by the server and its reader too. The
    // reader's filter allows it to use none of them.
    let inherited = |number: &str, link: &str| {
        fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|own| own.display().to_string() == link)
    };
    kinds.retain(|(number, _, link)| matches!(number.as_str(), "0" | "1" | "2") || !inherited(number, link));

    assert_ne!(reader, first);
    assert_eq!(ended["status"], "completed", "a reader that was killed while idle costs no page");
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(kinds[0].1 && kinds[1].1 && kinds[2].2 == "/dev/null", "{kinds:?}");
    assert_ne!(kinds[0].2, kinds[1].2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_say_which_sandbox_the_readers_have() {
    let app = TestApp::spawn_with(Backend::Sqlite, &[("LOTLINE__CRAWLER__ENABLED", "true")]).await;
    let sandbox = &app.services.metrics.reader_sandbox;

    eventually("the first reader", async || sandbox.of(SandboxLayer::Process).get().is_some()).await;

    let held = [SandboxLayer::Process, SandboxLayer::Memory, SandboxLayer::Cpu, SandboxLayer::Seccomp];
    assert_eq!(held.map(|layer| sandbox.of(layer).get()), [Some(true); 4]);
    assert!(SandboxLayer::ALL.iter().all(|layer| sandbox.of(*layer).get().is_some()));
    app.finish().await;
}

#[test]
fn a_reader_that_gets_invalid_or_no_input_exits() {
    let said: [(&[u8], i32); 4] =
        [(b"", 0), (b"GET / HTTP/1.1\r\n\r\n", 1), (&[0xff; 64], 1), (b"\x01\0\0\0\0\0\0\0\xc1", 1)];
    for (said, status) in said {
        let mut reader = Command::new(env!("CARGO_BIN_EXE_lotline"))
            .args([SUBCOMMAND, "100000000", "5"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, mut output) = (reader.stdin.take().unwrap(), reader.stdout.take().unwrap());
        let _ = input.write_all(said);
        drop(input);
        let mut answer = Vec::new();
        output.read_to_end(&mut answer).unwrap();

        assert_eq!(reader.wait().unwrap().code(), Some(status), "{said:?}");
        let length = u32::from_le_bytes(answer[..4].try_into().unwrap()) as usize;
        assert_eq!(answer.len(), 4 + length, "it says hello and nothing else");
    }
}
