//! A server at its connection limit: new connections replace idle ones, the health endpoints still answer, and no
//! request in progress is interrupted.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpSocket;

use crate::support::binary::{Server, serve_in};
use crate::support::raw::{RawConnection, RawResponse};

const MAX_CONNECTIONS: usize = 64;

fn start(folder: &std::path::Path) -> Server {
    Server::start(serve_in(folder).env("LOTLINE__SERVER__MAX_CONNECTIONS", MAX_CONNECTIONS.to_string()))
}

/// A connection from another address of this machine.
async fn connect_from(from: &str, to: SocketAddr) -> RawConnection {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0)).unwrap();
    RawConnection::over(socket.connect(to).await.unwrap())
}

async fn requests(raw: &mut RawConnection, path: &str) -> Option<RawResponse> {
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
    raw.response().await
}

#[tokio::test]
async fn an_address_with_all_connections_idle_keeps_no_other_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let mut held = Vec::new();
    for _ in 0..MAX_CONNECTIONS * 3 {
        let mut raw = RawConnection::connect(server.address).await;
        assert_eq!(requests(&mut raw, "/livez").await.unwrap().status, 200);
        held.push(raw);
    }

    for _ in 0..8 {
        let mut other = connect_from("127.0.0.2", server.address).await;
        assert_eq!(requests(&mut other, "/version").await.unwrap().status, 200);
        held.push(other);
    }

    // The connections that were idle for longest are closed, the latest of them are not.
    assert!(held[0].is_closed().await);
    let latest = held.len() - 9;
    assert_eq!(requests(&mut held[latest], "/version").await.unwrap().status, 200);
    // 64 connections, 16 in reserve, and the process's own files.
    assert!(server.open_files() < MAX_CONNECTIONS + 16 + 60, "{} files", server.open_files());
}

#[tokio::test]
async fn requests_in_progress_are_finished_and_probes_are_answered_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let form = "username=nobody&password=wrong-horse";
    let head = format!(
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    let mut busy = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut raw = RawConnection::connect(server.address).await;
        raw.send(head.as_bytes()).await;
        // The server waits for the body, so the request is in progress and its connection is not closed for another.
        assert_eq!(raw.response().await.unwrap().status, 100);
        raw.send(&form.as_bytes()[..10]).await;
        busy.push(raw);
    }

    for _ in 0..40 {
        for path in ["/livez", "/readyz"] {
            let mut probe = connect_from("127.0.0.2", server.address).await;
            let answer = requests(&mut probe, path).await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            assert!(answer.head.to_ascii_lowercase().contains("connection: close"), "{answer:?}");
        }
        let mut other = connect_from("127.0.0.2", server.address).await;
        let refused = requests(&mut other, "/version").await.unwrap();
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.head.to_ascii_lowercase().contains("retry-after: "), "{refused:?}");
    }

    for mut raw in busy {
        raw.send(&form.as_bytes()[10..]).await;
        let answer = raw.response().await.expect("a request in progress is answered");
        assert!([401, 429].contains(&answer.status), "{answer:?}");
    }
}
