//! Handshakes that no client library would send, as raw bytes.

use crate::support::app::TestApp;
use crate::support::on_one_database;
use crate::support::raw::{RawConnection, masked};

mod corpus {
    // Independent of the database.
    super::on_one_database!(Sqlite, each_bad_handshake_gets_the_status_that_explains_it);
    super::on_one_database!(Sqlite, a_frame_that_came_with_the_handshake_is_served);
    super::on_one_database!(Sqlite, a_refused_handshake_leaves_the_connection_usable);
    super::on_one_database!(Sqlite, nonsense_behind_a_request_is_refused_after_its_answer);
    super::on_one_database!(Sqlite, a_client_that_sends_nonsense_after_the_upgrade_is_closed_with_1002);
}

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const GOOD: [&str; 5] =
    ["Host: example.com", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY];

/// The good request's lines, those of `name` replaced by `lines`.
fn with(name: &str, lines: &[&str]) -> Vec<String> {
    let kept = GOOD.iter().filter(|line| !line.starts_with(&format!("{name}:")));
    kept.chain(lines).map(|line| (*line).to_owned()).collect()
}

fn request(start: &str, lines: &[String]) -> Vec<u8> {
    let mut text = format!("{start}\r\n");
    lines.iter().for_each(|line| text.push_str(&format!("{line}\r\n")));
    text.push_str("\r\n");
    text.into_bytes()
}

/// A request by name, and the statuses that are right for it; 0 means closed without an answer.
fn corpus(token: &str) -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let target = format!("/ws?token={token}");
    let get = format!("GET {target} HTTP/1.1");
    let good = |name: &str, lines: &[&str]| request(&get, &with(name, lines));
    let start = |start: String| request(&start, &with("", &[]));
    let long = format!("X-Long: {}", "x".repeat(40 * 1024));
    let longest = format!("X-Long: {}", "x".repeat(400 * 1024));
    let many: Vec<String> = (0..200).map(|n| format!("X-{n}: 1")).chain(with("", &[])).collect();
    let mut with_body = good("Content-Length", &["Content-Length: 4"]);
    with_body.extend_from_slice(b"body");
    vec![
        ("as the RFC has it", good("", &[]), &[101]),
        (
            "lower-case names and tokens in lists",
            good("Connection", &["connection: keep-alive, upgrade"]),
            &[101],
        ),
        (
            "an extension that is not spoken",
            good("", &["Sec-WebSocket-Extensions: permessage-deflate"]),
            &[101],
        ),
        ("a protocol that is not spoken", good("", &["Sec-WebSocket-Protocol: chat"]), &[101]),
        ("no word of WebSocket", request(&get, &["Host: example.com".to_owned()]), &[426]),
        ("no Upgrade", good("Upgrade", &[]), &[400]),
        ("another Upgrade", good("Upgrade", &["Upgrade: h2c"]), &[400]),
        ("no Connection", good("Connection", &[]), &[400]),
        ("Connection without upgrade", good("Connection", &["Connection: keep-alive"]), &[400]),
        ("no version", good("Sec-WebSocket-Version", &[]), &[426]),
        ("version 8", good("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 8"]), &[426]),
        ("version 13 twice", good("", &["Sec-WebSocket-Version: 13"]), &[426]),
        ("version 13.0", good("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 13.0"]), &[426]),
        ("no key", good("Sec-WebSocket-Key", &[]), &[400]),
        ("an empty key", good("Sec-WebSocket-Key", &["Sec-WebSocket-Key:"]), &[400]),
        ("a short key", good("Sec-WebSocket-Key", &["Sec-WebSocket-Key: c2hvcnQ="]), &[400]),
        (
            "a key of no base64",
            good("Sec-WebSocket-Key", &["Sec-WebSocket-Key: ????????????????????????"]),
            &[400],
        ),
        ("two keys", good("", &[KEY]), &[400]),
        ("a protocol with a blank", good("", &["Sec-WebSocket-Protocol: a b"]), &[400]),
        ("POST", start(format!("POST {target} HTTP/1.1")), &[405]),
        ("PUT", start(format!("PUT {target} HTTP/1.1")), &[405]),
        ("HTTP/1.0", start(format!("GET {target} HTTP/1.0")), &[426]),
        ("HTTP/2.0", start(format!("GET {target} HTTP/2.0")), &[400, 505, 0]),
        ("HTTP/0.9", b"GET /ws\r\n\r\n".to_vec(), &[400, 0]),
        ("no Host", good("Host", &[]), &[400]),
        ("a header of 40 KiB", good("", &[&long]), &[431]),
        ("a header of 400 KiB", good("", &[&longest]), &[431]),
        ("a target of 40 KiB", start(format!("GET /ws?token={} HTTP/1.1", "x".repeat(40 * 1024))), &[431]),
        (
            "a target of 70 KiB",
            start(format!("GET /ws?token={} HTTP/1.1", "x".repeat(70 * 1024))),
            &[431, 414],
        ),
        ("two hundred headers", request(&get, &many), &[431, 101]),
        ("a header without a colon", good("", &["nonsense"]), &[400]),
        ("a blank before the colon", good("", &["X-Bad : 1"]), &[400]),
        ("a NUL in a header", good("", &["X-Bad: a\0b"]), &[400]),
        ("a folded header", good("", &["X-Folded: a\r\n b"]), &[400]),
        (
            "a line that ends in LF only",
            get.clone().into_bytes().into_iter().chain(*b"\n\n").collect(),
            &[426, 400],
        ),
        ("two lengths that differ", good("", &["Content-Length: 1", "Content-Length: 2"]), &[400]),
        ("a length and chunks", good("", &["Content-Length: 4", "Transfer-Encoding: chunked"]), &[400]),
        ("a body", with_body, &[400]),
        ("another path", start(format!("GET /wsx?token={token} HTTP/1.1")), &[404]),
        ("the path with dots", start(format!("GET /x/../ws?token={token} HTTP/1.1")), &[404, 400, 101]),
        ("a path that leaves", start("GET /../../etc/passwd HTTP/1.1".to_owned()), &[404, 400]),
        ("an absolute target", start(format!("GET http://example.com{target} HTTP/1.1")), &[101]),
        ("a target of one asterisk", start("GET * HTTP/1.1".to_owned()), &[400, 404]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400, 0]),
        ("HTTP/2 in the clear", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400, 404, 505, 0]),
        ("an unknown method", start(format!("BREW {target} HTTP/1.1")), &[405, 501]),
        ("a page of text", b"Dear server,\r\nplease open a socket.\r\n\r\n".to_vec(), &[400]),
        ("bytes of no alphabet", vec![0xff; 64], &[400]),
        ("a control character in the target", start("GET /w\x01s HTTP/1.1".to_owned()), &[400]),
        ("HTTP/1.2", start(format!("GET {target} HTTP/1.2")), &[400]),
        ("a nameless method", b" /ws HTTP/1.1\r\n\r\n".to_vec(), &[400, 0]),
    ]
}

async fn each_bad_handshake_gets_the_status_that_explains_it(app: &TestApp) {
    let bob = app.member("bob").await;

    let mut wrong = Vec::new();
    for (name, bytes, wanted) in corpus(bob.token()) {
        let mut raw = RawConnection::connect(app.address).await;
        raw.send(&bytes).await;
        let (status, body) = match raw.response().await {
            Some(answer) => (answer.status, format!("{}\n{}", answer.head, answer.body)),
            None => (0, String::new()),
        };
        if !wanted.contains(&status) {
            wrong.push(format!("{name}: {status} instead of {wanted:?}\n{body}"));
        }
        if status >= 400 {
            assert!(
                body.contains("application/problem+json") && body.contains("x-request-id"),
                "{name}: {body}"
            );
        }
        drop(raw);
        // Five connections are used up quickly.
        app.wait_for_connections(0).await;
    }

    assert_eq!(wrong.join("\n"), "");
    assert!(corpus("").len() >= 25);
}

async fn a_frame_that_came_with_the_handshake_is_served(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut raw = RawConnection::connect(app.address).await;

    let mut bytes = request(&format!("GET /ws?token={} HTTP/1.1", bob.token()), &with("", &[]));
    bytes.extend(masked(1, br#"{"type":"ping","id":"early"}"#));
    bytes.extend(masked(1, br#"{"type":"ping","id":"bird"}"#));
    raw.send(&bytes).await;

    assert_eq!(raw.response().await.unwrap().status, 101);
    assert!(raw.text_frame().await.unwrap().contains("connection_established"));
    assert!(raw.text_frame().await.unwrap().contains("early"));
    assert!(raw.text_frame().await.unwrap().contains("bird"));
}

async fn a_refused_handshake_leaves_the_connection_usable(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut raw = RawConnection::connect(app.address).await;
    let get = |token: &str| request(&format!("GET /ws?token={token} HTTP/1.1"), &with("", &[]));

    raw.send(&get("nonsense")).await;
    let refused = raw.response().await.unwrap();
    raw.send(&get(bob.token())).await;

    assert_eq!(refused.status, 401);
    assert_eq!(raw.response().await.unwrap().status, 101);
    assert!(raw.text_frame().await.unwrap().contains("connection_established"));
}

async fn nonsense_behind_a_request_is_refused_after_its_answer(app: &TestApp) {
    let mut raw = RawConnection::connect(app.address).await;
    let mut bytes = request("GET /version HTTP/1.1", &["Host: example.com".to_owned()]);
    bytes.extend_from_slice(b"and then nonsense\r\n\r\n");

    raw.send(&bytes).await;
    let (answer, refusal) = (raw.response().await.unwrap(), raw.response().await.unwrap());

    assert_eq!((answer.status, refusal.status), (200, 400));
    let problem: serde_json::Value = serde_json::from_str(&refusal.body).unwrap();
    assert_eq!(problem["code"], "bad_request");
    assert!(refusal.head.contains(problem["request_id"].as_str().unwrap()), "{}", refusal.head);
    assert!(raw.is_closed().await);
}

async fn a_client_that_sends_nonsense_after_the_upgrade_is_closed_with_1002(app: &TestApp) {
    let bob = app.member("bob").await;

    for nonsense in [
        &[0x81, 0x02, b'h', b'i'][..],
        &[0xc1, 0x80, 0, 0, 0, 0],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x80, 0x80, 0, 0, 0, 0],
        &[0x09, 0x80, 0, 0, 0, 0],
        &[0x89, 0xfe, 0, 0x7e],
        &[0x88, 0x81, 0, 0, 0, 0, 3],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut raw = RawConnection::connect(app.address).await;
        raw.send(&request(&format!("GET /ws?token={} HTTP/1.1", bob.token()), &with("", &[]))).await;
        assert_eq!(raw.response().await.unwrap().status, 101);
        raw.text_frame().await.unwrap();
        raw.send(nonsense).await;
        let close = raw.frame().await.unwrap();

        assert_eq!(close.get(..2), Some(&[0x03, 0xea][..]), "{nonsense:?}: {close:?}");
        assert!(raw.is_closed().await);
        drop(raw);
        app.wait_for_connections(0).await;
    }
}
