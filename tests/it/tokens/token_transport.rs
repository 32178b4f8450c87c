//! The four ways to send a credential, on both carriers; sending two is refused.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Member;

on_both_databases! {
    each_way_to_carry_a_token_opens_a_socket,
    each_way_to_carry_a_token_opens_a_stream,
    two_credentials_open_nothing,
    a_refused_token_is_not_repeated,
}

async fn ticket(bob: &Member<'_>) -> String {
    let made = bob.post("/api/v1/auth/socket-ticket", &json!({})).await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    made.json()["ticket"].as_str().unwrap().to_owned()
}

async fn each_way_to_carry_a_token_opens_a_socket(app: &TestApp) {
    let bob = app.member("bob").await;
    let (bearer, ticket) = (format!("Bearer {}", bob.token()), ticket(&bob).await);
    let offered = format!("lotline.v1, lotline.bearer.{}", bob.token());
    let request = || app.anonymous().socket_request("/ws");

    for request in [
        request().query("token", bob.token()),
        request().query("ticket", &ticket),
        request().header("authorization", &bearer),
        request().header("sec-websocket-protocol", &offered),
    ] {
        let mut socket = request.open().await;
        assert_eq!(socket.next().await["user_id"], bob.id.0);
    }
    let again = request().query("ticket", &ticket).try_handshake().await;
    again.expect_problem(401, "unauthenticated");
}

async fn each_way_to_carry_a_token_opens_a_stream(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket(&bob).await;
    let nobody = app.anonymous();

    let in_query = nobody.streams_by_url(&format!("/sse/events?token={}", bob.token())).await;
    let by_ticket = nobody.streams_by_url(&format!("/sse/events?ticket={ticket}")).await;
    let in_header = bob.streams("/sse/events", None).await;
    let offered = app.http.get(app.url("/sse/events"));
    let offered = offered.header("sec-websocket-protocol", format!("lotline.bearer.{}", bob.token()));
    let offered = crate::support::stream::Stream::open(offered).await;

    for mut stream in [in_query, by_ticket, in_header, offered] {
        assert_eq!(stream.status, 200);
        let established: Value = stream.next_event().await.json();
        assert_eq!(established["user_id"], bob.id.0, "{established}");
    }
}

async fn two_credentials_open_nothing(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket(&bob).await;
    let bearer = format!("Bearer {}", bob.token());

    for path in ["/ws", "/sse/events"] {
        let request = || app.anonymous().socket_request(path);
        for twice in [
            request().query("token", bob.token()).header("authorization", &bearer),
            request().query("token", bob.token()).query("ticket", &ticket),
            request().query("ticket", &ticket).header("authorization", &bearer),
        ] {
            twice.try_handshake().await.expect_problem(400, "two_credentials");
        }
    }
    let mut socket = app.anonymous().socket_request("/ws").query("ticket", &ticket).open().await;
    assert_eq!(socket.next().await["type"], "connection_established");
}

async fn a_refused_token_is_not_repeated(app: &TestApp) {
    let bob = app.member("bob").await;
    let forged = format!("{}x", bob.token());

    for path in ["/ws", "/sse/events", "/api/v1/events"] {
        let in_query =
            app.anonymous().socket_request(path).query("token", &forged).get_without_upgrade().await;
        let in_header = app
            .anonymous()
            .socket_request(path)
            .header("authorization", &format!("Bearer {forged}"))
            .get_without_upgrade()
            .await;
        for answer in [in_query, in_header] {
            assert_eq!(answer.status, 401, "{path}: {answer:?}");
            let headers = format!("{:?}", answer.headers);
            assert!(!answer.text.contains(&forged) && !headers.contains(&forged), "{path}: {answer:?}");
        }
    }
}
