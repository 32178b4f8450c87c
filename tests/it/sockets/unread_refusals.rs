//! Refusals in the form of a stream use no slot of sockets and streams, however many are unread.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::raw::RawConnection;
use crate::support::settings::Setting;

/// The smallest allowed value: 16 plain connections, and 16 sockets and streams.
const SMALL: &[Setting] = &[("LOTLINE__SERVER__MAX_CONNECTIONS", "16")];

on_both_databases! {
    refused_streams_that_are_not_read_keep_no_socket_of_a_member_out with super::SMALL,
}

const STRANGERS: usize = 13;
/// Many more answers than the buffers on both sides hold.
const REQUESTS: usize = 2_000;

async fn refused_streams_that_are_not_read_keep_no_socket_of_a_member_out(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut strangers = Vec::new();
    for number in 0..STRANGERS {
        let query = if number % 2 == 0 { "reject=close" } else { "reject=close&token=made-up" };
        strangers.push(asks_and_does_not_read(app.address, query).await);
    }

    // Two plain connections are left. If the strangers counted as sockets and streams, the fourth would be refused.
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(bob.connects().await);
    }

    app.wait_for_connections(5).await;
}

/// A connection that sends many requests for a stream, and reads only the first refusal.
async fn asks_and_does_not_read(address: SocketAddr, query: &str) -> RawConnection {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut raw = RawConnection::over(socket.connect(address).await.unwrap());
    let request = format!("GET /sse/events?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    raw.send(request.repeat(REQUESTS).as_bytes()).await;
    let refusal = raw.response().await.expect("a refusal");
    assert_eq!(refusal.status, 200, "{}", refusal.head);
    assert!(refusal.body.contains("retry: "), "{}", refusal.body);
    raw
}
