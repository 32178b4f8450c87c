//! With few descriptors, or clients that do not finish their requests, the server stays responsive and idle.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use lotline::base::clock::Clock;

use crate::support::binary::{Server, clear_environment, serve_in};
use crate::support::raw::RawConnection;
use crate::support::wait::{eventually, within};

/// A server that may open 64 descriptors.
fn with_few_descriptors(folder: &std::path::Path) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" serve", env!("CARGO_BIN_EXE_lotline")]);
    clear_environment(&mut command);
    command.env("LOTLINE__SERVER__BIND", "127.0.0.1:0").env("LOTLINE__SERVER__DATA_DIR", folder);
    Server::start(&mut command)
}

async fn is_live(address: SocketAddr) -> bool {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/readyz")).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test]
async fn with_few_descriptors_the_server_takes_fewer_connections_and_serves_on_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_few_descriptors(folder.path());
    assert!(is_live(server.address).await);

    let own = server.open_files();

    let flood: Vec<TcpStream> = (0..200).filter_map(|_| TcpStream::connect(server.address).ok()).collect();
    // The server limits its connections so that some descriptors are always left for itself.
    eventually("the server to be full", async || server.open_files() >= own + 16).await;
    assert!(is_live(server.address).await);
    let before = server.cpu_ticks();
    // The only wait on the real clock: it measures the cost of an idle second.
    Clock::system().sleep(Duration::from_secs(1)).await;
    let ticks = server.cpu_ticks() - before;
    drop(flood);

    // A second has 100 ticks on current Linux systems; a busy loop uses all of them.
    assert!(ticks < 50, "{ticks} ticks in a second of waiting");
    eventually("the server to serve again", async || is_live(server.address).await).await;
    let complaints = server.log_lines().iter().filter(|line| line.contains("cannot accept")).count();
    assert!(complaints < 30, "{complaints} complaints about the same thing");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve_in(folder.path()).env("LOTLINE__SERVER__HEADER_TIMEOUT_SECONDS", "1"));
    let mut slow = Vec::new();
    for part in [&b""[..], b"G", b"GET / HTTP/1.1\r\nHost:", b"GET / HTTP/1.1\r\nHost: a\r\n"] {
        for _ in 0..16 {
            let mut raw = RawConnection::connect(server.address).await;
            raw.send(part).await;
            slow.push(raw);
        }
    }

    assert!(is_live(server.address).await);
    for mut raw in slow {
        assert!(raw.is_closed().await);
    }

    assert!(within("an answer", is_live(server.address)).await);
}
