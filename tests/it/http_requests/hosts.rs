//! The host of a request and the end of its body: a request that two parsers could read differently is refused.

use crate::support::app::TestApp;
use crate::support::on_one_database;
use crate::support::raw::{RawConnection, RawResponse};

mod rule {
    // Independent of the database.
    super::on_one_database!(Sqlite, every_request_names_one_host_that_agrees_with_its_target);
    super::on_one_database!(Sqlite, a_handshake_has_no_body);
    super::on_one_database!(Sqlite, a_body_is_chunked_once_and_alone);
}

async fn response_to(app: &TestApp, head: &str) -> RawResponse {
    let mut raw = RawConnection::connect(app.address).await;
    raw.send(format!("{head}\r\n\r\n").as_bytes()).await;
    raw.response().await.unwrap_or_else(|| panic!("no answer to {head:?}"))
}

async fn every_request_names_one_host_that_agrees_with_its_target(app: &TestApp) {
    let cases: &[(&str, u16)] = &[
        ("GET /version HTTP/1.1\r\nHost: a.example", 200),
        ("GET /version HTTP/1.1\r\nhost: [::1]:8001", 200),
        ("GET /version HTTP/1.1", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example\r\nHost: a.example", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example\r\nHOST: b.example", 400),
        ("GET /version HTTP/1.0", 200),
        ("GET /version HTTP/1.0\r\nHost: a.example", 200),
        ("GET /version HTTP/1.0\r\nHost: a.example\r\nHost: a.example", 400),
        ("GET /version HTTP/1.1\r\nHost:", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example b.example", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example, b.example", 400),
        ("GET /version HTTP/1.1\r\nHost: http://a.example", 400),
        ("GET /version HTTP/1.1\r\nHost: user@a.example", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example/x", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example:99999", 400),
        ("GET /version HTTP/1.1\r\nHost: a.example:80:80", 400),
        ("GET /version HTTP/1.1\r\nHost: [::1", 400),
        ("GET /version HTTP/1.1\r\nHost: ::1", 400),
        ("GET http://a.example/version HTTP/1.1\r\nHost: a.example", 200),
        ("GET http://A.example:80/version HTTP/1.1\r\nHost: a.example", 200),
        ("GET http://a.example/version HTTP/1.1\r\nHost: b.example", 400),
        ("GET http://a.example:81/version HTTP/1.1\r\nHost: a.example", 400),
        ("GET http://a.example/version HTTP/1.1", 400),
        ("GET http://a.example/version HTTP/1.0", 200),
        ("GET http://user@a.example/version HTTP/1.1\r\nHost: a.example", 400),
        (
            "OPTIONS /api/v1/jobs HTTP/1.1\r\nOrigin: http://a.example\r\nAccess-Control-Request-Method: GET",
            400,
        ),
        ("GET /no/such/route HTTP/1.1", 400),
        ("GET /sse/events HTTP/1.1", 400),
        ("POST /api/v1/auth/token HTTP/1.1\r\nContent-Length: 0", 400),
    ];

    let mut wrong = Vec::new();
    for (head, wanted) in cases {
        let answer = response_to(app, head).await;
        if answer.status != *wanted {
            wrong.push(format!("{head:?}: {} instead of {wanted}", answer.status));
        }
        if *wanted == 400 {
            assert!(answer.head.contains("application/problem+json"), "{head:?}: {answer:?}");
            assert!(answer.body.contains("\"code\":\"bad_request\""), "{head:?}: {answer:?}");
        }
    }

    assert_eq!(wrong.join("\n"), "");
}

async fn a_handshake_has_no_body(app: &TestApp) {
    let bob = app.member("bob").await;
    let start = format!(
        "GET /ws?token={} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        bob.token()
    );

    for (field, wanted) in [
        ("Content-Length: 0", 101),
        ("Content-Length: 5", 400),
        ("Transfer-Encoding: chunked", 400),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", 400),
    ] {
        let answer = response_to(app, &format!("{start}\r\n{field}")).await;
        assert_eq!(answer.status, wanted, "{field}: {answer:?}");
        app.wait_for_connections(0).await;
    }
}

async fn a_body_is_chunked_once_and_alone(app: &TestApp) {
    let cases = [
        ("Transfer-Encoding: chunked", 401),
        ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
    ];
    for (fields, wanted) in cases {
        let head = format!("POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n{fields}");
        let answer = response_to(app, &format!("{head}\r\n\r\n2\r\n{{}}\r\n0")).await;
        assert_eq!(answer.status, wanted, "{fields}: {answer:?}");
    }
}
