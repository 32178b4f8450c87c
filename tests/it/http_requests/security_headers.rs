//! Every answer has the security headers for browsers, whichever layer produces it.

use crate::support::app::TestApp;
use crate::support::on_one_database;
use crate::support::raw::RawConnection;

mod rule {
    // Independent of the database.
    super::on_one_database!(Sqlite, every_answer_carries_the_three_fields);
}

async fn every_answer_carries_the_three_fields(app: &TestApp) {
    let bob = app.member("bob").await;
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let token = bob.token();
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(40 * 1024));
    let preflight = "OPTIONS /api/v1/jobs HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost:1\r\n\
                     Access-Control-Request-Method: GET\r\n\r\n";
    let socket = format!(
        "GET /ws?token={token} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let cases = [
        (get("/livez"), 200),
        (get("/"), 200),
        (get("/docs"), 200),
        (get("/docs/async"), 200),
        (get("/set-password"), 200),
        (get("/openapi.json"), 200),
        (get("/problems/not_found"), 200),
        (get("/problems/no_such_code"), 404),
        (get("/no/such/route"), 404),
        (get("/api/v1/jobs"), 401),
        (get("/metrics"), 401),
        (get("/sse/events"), 401),
        (get(&format!("/sse/events?token={token}")), 200),
        ("DELETE /livez HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        (preflight.to_owned(), 204),
        (long, 431),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("no request at all\r\n\r\n".to_owned(), 400),
        (
            "POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\
          Content-Type: application/x-www-form-urlencoded\r\n\r\n"
                .to_owned(),
            413,
        ),
        (socket, 101),
    ];

    for (request, status) in cases {
        let line = request.lines().next().unwrap().to_owned();
        let mut raw = RawConnection::connect(app.address).await;
        raw.send(request.as_bytes()).await;
        let answer = raw.response().await.unwrap();

        assert_eq!(answer.status, status, "{line}: {answer:?}");
        let fields: Vec<_> = answer.head.lines().filter_map(|line| line.split_once(": ")).collect();
        let of = |name: &str| {
            let found: Vec<_> = fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).collect();
            assert_eq!(found.len(), 1, "{line}: {name} in {}", answer.head);
            found[0].1.to_owned()
        };
        assert_eq!(of("x-content-type-options"), "nosniff", "{line}");
        assert_eq!(of("referrer-policy"), "no-referrer", "{line}");
        let policy = of("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{line}: {policy}"
        );
        let is_data = !answer.head.contains("text/html");
        assert!(!is_data || policy == "default-src 'none'; frame-ancestors 'none'", "{line}: {policy}");
        drop(raw);
        app.wait_for_connections(0).await;
    }
}
