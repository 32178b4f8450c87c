//! Tickets: signed, single-use, remembered within limits per user, and valid for reconnects of the same stream.

use std::time::Duration;

use lotline::auth::key_scope::KeyScope;
use lotline::auth::principal::Principal;
use lotline::domain::identity::authenticate::{Authenticated, Credential};
use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Caller, Person};
use crate::support::settings::Setting;
use crate::support::stream::Stream;

/// Tokens of 70 seconds.
const SHORT: &[Setting] = &[("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "70")];

on_both_databases! {
    a_user_who_floods_with_tickets_uses_up_only_their_own_share,
    a_ticket_that_opened_a_socket_opens_nothing_more,
    a_stream_reconnects_with_its_ticket_until_five_minutes_after_its_end,
    an_owner_keeps_as_many_stream_tickets_as_it_may_have_streams,
    what_ends_the_credential_ends_the_ticket,
    a_refreshed_stream_reconnects_beyond_its_first_token with super::SHORT,
    a_ticket_is_no_token_and_no_token_is_a_ticket,
}

async fn ticket_of(caller: &Caller<'_>) -> String {
    let answer = caller.post("/api/v1/auth/socket-ticket", &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["ticket"].as_str().unwrap().to_owned()
}

async fn admitted(caller: &Caller<'_>) -> Authenticated {
    caller.app.identity.authenticate(Credential::Header(caller.token())).await.unwrap()
}

/// A new connection: a kept one would be closed when the clock is advanced.
fn request(app: &TestApp, path: &str, ticket: &str) -> reqwest::RequestBuilder {
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    http.get(app.url(&format!("{path}?ticket={ticket}")))
}

async fn opens_stream(app: &TestApp, ticket: &str) -> Stream {
    Stream::open(request(app, "/sse/notifications", ticket)).await
}

async fn tries_handshake(app: &TestApp, ticket: &str) -> Response {
    let request = request(app, "/ws", ticket).header("connection", "Upgrade").header("upgrade", "websocket");
    let key = "BwcHBwcHBwcHBwcHBwcHBw==";
    Response::send(request.header("sec-websocket-version", "13").header("sec-websocket-key", key)).await
}

async fn opens_socket(app: &TestApp, ticket: &str) -> u16 {
    tries_handshake(app, ticket).await.status
}

/// The status of a stream's opening; it is closed again when this returns.
async fn reconnects(app: &TestApp, ticket: &str) -> u16 {
    let mut stream = opens_stream(app, ticket).await;
    let status = stream.status;
    if status == 200 {
        stream.next_event().await;
    }
    drop(stream);
    app.wait_for_connections(0).await;
    status
}

async fn a_user_who_floods_with_tickets_uses_up_only_their_own_share(app: &TestApp) {
    let (bob, cat, sue) = (app.member("bob").await, app.member("cat").await, app.stranger("sue").await);
    let tickets = &app.identity.tickets;
    let flooding: Authenticated = admitted(&bob).await;
    let mint = |of: &Principal| tickets.mint(of, flooding.expires_at).unwrap().expose().to_owned();

    for _ in 0..100_000 {
        mint(&flooding.principal);
    }
    // Also redeemed as fast as a test can, with sockets and streams that are closed at once.
    let mut refused = 0;
    for nth in 0..2_000 {
        let ticket = mint(&flooding.principal);
        let used = match nth % 2 {
            0 => tickets.redeem_for_socket(&ticket).await,
            _ => tickets.redeem_for_stream(&ticket).await.map(drop),
        };
        refused += usize::from(used.is_err());
    }
    assert_eq!(refused, 2_000 - 512);

    // Over HTTP the flooding user is rate limited; no other user is affected.
    tries_handshake(app, &ticket_of(&bob).await).await.expect_rate_limited();
    for person in [&*cat as &Person<'_>, &sue] {
        assert_eq!(opens_socket(app, &ticket_of(person).await).await, 101);
        assert_eq!(reconnects_any(app, &ticket_of(person).await).await, 200);
    }
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(opens_socket(app, &mint(&flooding.principal)).await, 101);
}

async fn reconnects_any(app: &TestApp, ticket: &str) -> u16 {
    opens_stream(app, ticket).await.status
}

async fn a_ticket_that_opened_a_socket_opens_nothing_more(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket_of(&bob).await;

    assert_eq!(opens_socket(app, &ticket).await, 101);

    assert_eq!(opens_socket(app, &ticket).await, 401);
    assert_eq!(opens_stream(app, &ticket).await.status, 401);
    let late = ticket_of(&bob).await;
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(opens_socket(app, &late).await, 401);
    assert_eq!(opens_stream(app, &late).await.status, 401);
}

async fn a_stream_reconnects_with_its_ticket_until_five_minutes_after_its_end(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket_of(&bob).await;

    assert_eq!(reconnects(app, &ticket).await, 200);
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(299));
        assert_eq!(reconnects(app, &ticket).await, 200);
    }
    assert_eq!(opens_socket(app, &ticket).await, 401);
    app.clock.advance(Duration::from_secs(300));

    assert_eq!(opens_stream(app, &ticket).await.status, 401);
}

async fn an_owner_keeps_as_many_stream_tickets_as_it_may_have_streams(app: &TestApp) {
    let (bob, cat) = (app.member("bob").await, app.member("cat").await);
    let of_cat = ticket_of(&cat).await;
    assert_eq!(reconnects(app, &of_cat).await, 200);
    let mut tickets = Vec::new();
    for _ in 0..7 {
        let ticket = ticket_of(&bob).await;
        assert_eq!(reconnects(app, &ticket).await, 200);
        app.clock.advance(Duration::from_millis(10));
        tickets.push(ticket);
    }

    assert_eq!(opens_stream(app, &tickets[0]).await.status, 401, "the oldest has gone");
    for ticket in tickets[1..].iter().chain([&of_cat]) {
        assert_eq!(reconnects(app, ticket).await, 200);
    }
}

async fn what_ends_the_credential_ends_the_ticket(app: &TestApp) {
    let ann = app.admin("ann").await;
    let (bob, cat) = (app.member("bob").await, app.member("cat").await);
    let key = ann.post("/api/v1/api-keys", &json!({ "name": "k", "scopes": ["events:read"] })).await.json();
    let robot = Caller { app, credential: Some(key["key"].as_str().unwrap().to_owned()) };
    let fresh = [ticket_of(&bob).await, ticket_of(&cat).await, ticket_of(&robot).await];
    let of_streams = [ticket_of(&bob).await, ticket_of(&cat).await];
    for ticket in &of_streams {
        assert_eq!(reconnects(app, ticket).await, 200);
    }

    assert_eq!(bob.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    let off = json!({ "is_active": false });
    assert_eq!(ann.patch(&format!("/api/v1/users/{}", cat.id), &off).await.status, 200);
    assert_eq!(ann.delete(&format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap())).await.status, 204);

    // A deactivated user gets 403; a user that signed out and a revoked key get 401.
    for (ticket, status) in fresh.iter().zip([401, 403, 401]) {
        assert_eq!(opens_socket(app, ticket).await, status);
    }
    for (ticket, status) in of_streams.iter().zip([401, 403]) {
        assert_eq!(opens_stream(app, ticket).await.status, status);
    }
}

async fn a_refreshed_stream_reconnects_beyond_its_first_token(app: &TestApp) {
    let bob = app.member("bob").await;
    let ticket = ticket_of(&bob).await;
    let mut stream = opens_stream(app, &ticket).await;
    let established = stream.next_event().await.json();
    app.advance(Duration::from_secs(50)).await;
    let newer = Caller { app, credential: Some(bob.another_token().await) };
    let path = format!("/api/v1/auth/streams/{}/refresh", established["connection_id"].as_str().unwrap());
    assert_eq!(newer.post(&path, &json!({})).await.status, 200);
    drop(stream);
    app.wait_for_connections(0).await;

    app.advance(Duration::from_secs(40)).await;
    assert_eq!(reconnects(app, &ticket).await, 200, "by the newer token");
    app.advance(Duration::from_secs(40)).await;

    assert_eq!(opens_stream(app, &ticket).await.status, 401);
}

async fn a_ticket_is_no_token_and_no_token_is_a_ticket(app: &TestApp) {
    let ann = app.admin("ann").await;
    let robot = app.worker(&ann, &[KeyScope::EventsRead]).await;
    let ticket = ticket_of(&ann).await;
    let refresh = ann.signs_in_again().await["refresh_token"].as_str().unwrap().to_owned();

    let shown = Caller { app, credential: Some(ticket.clone()) };
    shown.get("/api/v1/users/me").await.expect_problem(401, "unauthenticated");
    assert_eq!(
        app.anonymous().socket_request("/ws").query("token", &ticket).try_handshake().await.status,
        401
    );
    for other in [ann.token(), robot.token(), &refresh, "llt_", &ticket[..ticket.len() - 1]] {
        assert_eq!(opens_socket(app, other).await, 401, "{other}");
    }
    // The refusals did not use the ticket up.
    assert_eq!(opens_socket(app, &ticket).await, 101);
}
