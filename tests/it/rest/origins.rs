//! Pages of other origins: what an allowed one may send and read, and that it can read every kind of answer.

use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::raw::RawConnection;
use crate::support::settings::Setting;

const PAGE: &str = "https://app.example.com";
const ALLOWED: &[Setting] = &[("LOTLINE__CORS__ALLOWED_ORIGINS", PAGE)];

on_both_databases! {
    what_is_no_serialised_origin_is_not_let_in,
    an_allowed_page_may_send_whatever_header_its_libraries_add with super::ALLOWED,
    an_allowed_page_may_read_where_a_thing_is_and_what_a_file_is_called with super::ALLOWED,
    every_answer_can_be_read_by_an_allowed_page_and_by_no_other with super::ALLOWED,
    a_head_that_is_too_large_before_its_origin_is_refused_so_that_an_allowed_page_reads_why with super::ALLOWED,
}

/// RFC 6454 section 6.2: scheme, host and port, and nothing else.
async fn what_is_no_serialised_origin_is_not_let_in(app: &TestApp) {
    let bob = app.member("bob").await;

    for (origin, may_read) in [
        ("http://localhost", true),
        ("http://localhost:3000", true),
        ("http://user@localhost", false),
        ("http://localhost/", false),
        ("http://localhost/a?b#c", false),
        ("HTTP://localhost", false),
        ("http://LOCALHOST", false),
        ("http:localhost", false),
        ("http://127.1", false),
    ] {
        let request = app.http.get(app.url("/api/v1/users/me")).bearer_auth(bob.token());
        let answer = Response::send(request.header("origin", origin)).await;
        let socket = bob.socket_request("/ws").header("origin", origin).try_handshake().await;

        let allowed = may_read.then_some(origin);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(socket.status, if may_read { 101 } else { 403 }, "{origin}");
    }
}

async fn preflight(app: &TestApp, origin: &str, headers: &str) -> Response {
    let request =
        app.http.request(reqwest::Method::OPTIONS, app.url("/api/v1/users")).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    Response::send(request.header("access-control-request-headers", headers)).await
}

async fn an_allowed_page_may_send_whatever_header_its_libraries_add(app: &TestApp) {
    let asked = "authorization,baggage,cache-control,sentry-trace,tracestate,x-requested-with";

    let allowed = preflight(app, PAGE, asked).await;
    let other = preflight(app, "https://evil.example", asked).await;

    assert_eq!((allowed.status, allowed.header("access-control-allow-headers")), (204, Some(asked)));
    assert_eq!(allowed.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(other.header("access-control-allow-headers"), None);
    assert_eq!(other.header("access-control-allow-origin"), None);
}

async fn an_allowed_page_may_read_where_a_thing_is_and_what_a_file_is_called(app: &TestApp) {
    let ann = app.admin("ann").await;
    let request = app.http.post(app.url("/api/v1/spiders")).bearer_auth(ann.token()).header("origin", PAGE);
    let made = Response::send(request.json(&json!({"name": "portal", "runner": "external"}))).await;

    assert_eq!(made.status, 201, "{made:?}");
    let exposed = made.header("access-control-expose-headers").unwrap();
    for name in ["Location", "Content-Disposition", "Content-Range", "Accept-Ranges", "ETag", "Retry-After"] {
        assert!(exposed.split(", ").any(|one| one == name), "{name} in {exposed}");
    }
}

async fn every_answer_can_be_read_by_an_allowed_page_and_by_no_other(app: &TestApp) {
    let long = "x".repeat(64 * 1024);
    for (what, status, head) in [
        (
            "a head that is too large",
            431,
            format!("GET /api/v1/users HTTP/1.1\r\nHost: x\r\nOrigin: ORIGIN\r\nX: {long}\r\n\r\n"),
        ),
        ("two hosts", 400, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nOrigin: ORIGIN\r\n\r\n".to_owned()),
        ("no credential", 401, "GET /api/v1/users HTTP/1.1\r\nHost: x\r\nOrigin: ORIGIN\r\n\r\n".to_owned()),
        ("no route", 404, "GET /nowhere HTTP/1.1\r\nHost: x\r\nOrigin: ORIGIN\r\n\r\n".to_owned()),
        (
            "a method that is not taken",
            405,
            "PUT /readyz HTTP/1.1\r\nHost: x\r\nOrigin: ORIGIN\r\n\r\n".to_owned(),
        ),
    ] {
        for (origin, may_read) in [(PAGE, true), ("https://evil.example", false)] {
            let mut raw = RawConnection::connect(app.address).await;
            raw.send(head.replace("ORIGIN", origin).as_bytes()).await;
            let answer = raw.response().await.unwrap();

            let allowed =
                answer.head.to_lowercase().contains(&format!("access-control-allow-origin: {PAGE}"));
            assert_eq!((answer.status, allowed), (status, may_read), "{what} for {origin}: {}", answer.head);
        }
    }
}

async fn a_head_that_is_too_large_before_its_origin_is_refused_so_that_an_allowed_page_reads_why(
    app: &TestApp,
) {
    let (address, token) = ("x".repeat(33 * 1024), "x".repeat(40 * 1024));
    for (what, head) in [
        ("an address", format!("GET /{address} HTTP/1.1\r\nHost: x\r\nOrigin: ORIGIN\r\n\r\n")),
        (
            "a credential",
            format!(
                "GET /api/v1/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nOrigin: ORIGIN\r\n\r\n"
            ),
        ),
    ] {
        for (origin, may_read) in [(PAGE, true), ("https://evil.example", false)] {
            let head = head.replace("ORIGIN", origin);
            let mut raw = RawConnection::connect(app.address).await;
            // The server's limit is 32 KiB. The header that is too large comes with the origin, in one write.
            let (within_bounds, rest) = head.as_bytes().split_at(28 * 1024);
            raw.send(within_bounds).await;
            raw.send(rest).await;
            let answer = raw.response().await.unwrap();

            let fields = answer.head.to_lowercase();
            assert_eq!(answer.status, 431, "{what} for {origin}: {fields}");
            assert!(answer.body.contains("headers_too_large"), "{what} for {origin}: {}", answer.body);
            let allowed = fields.contains(&format!("access-control-allow-origin: {PAGE}\r\n"));
            let any = fields.contains("access-control-allow-origin");
            assert_eq!((allowed, any), (may_read, may_read), "{what} for {origin}: {fields}");
        }
    }
}
