//! Keys, tickets, foreign tokens, and the cache behind all of them.

use std::time::Instant;

use futures_util::future::join_all;
use jsonwebtoken::{EncodingKey, Header, encode};

use super::*;
use crate::auth::key_scope::KeyScope;
use crate::auth::principal::sample;
use crate::auth::token::issuers::ClaimMap;
use crate::auth::token::key_ring::{Algorithm, KeyRing, SigningKey, VerifyingKey};
use crate::base::ids::{KeyId, UserId};
use crate::base::page::PageRequest;
use crate::domain::identity::api_keys::{self, NewKey};
use crate::domain::identity::sessions;
use crate::domain::identity::tickets::{Channel, TICKET_TTL};
use crate::domain::identity::users::{self, UserPatch};

fn new_key() -> NewKey {
    NewKey { name: "crawler".into(), scopes: vec![KeyScope::JobsRun], expires_at: None }
}

#[tokio::test]
async fn many_who_ask_at_once_cost_one_read() {
    let fixture = Fixture::new().await;
    let token = fixture.sign_in("ann").await.access.text;
    let before = fixture.identity.account_reads();

    let answers = join_all((0..200).map(|_| fixture.authenticate(token.expose()))).await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(fixture.identity.account_reads() - before, 1);
    fixture.advance(59);
    fixture.authenticate(token.expose()).await.unwrap();
    assert_eq!(fixture.identity.account_reads() - before, 1, "a storm of a minute asks once");
    fixture.advance(1);
    fixture.authenticate(token.expose()).await.unwrap();
    assert_eq!(fixture.identity.account_reads() - before, 2);
}

#[tokio::test]
async fn a_revocation_of_somebody_else_costs_no_read() {
    let fixture = Fixture::new().await;
    fixture.add("bob", Role::Member).await;
    let token = fixture.sign_in("ann").await.access.text;
    fixture.authenticate(token.expose()).await.unwrap();
    let bob = fixture.principal("bob").await;
    let before = fixture.identity.account_reads();

    sessions::log_out(&fixture.identity, &bob, &Origin::default()).await.unwrap();
    fixture.authenticate(token.expose()).await.unwrap();

    assert_eq!(fixture.identity.account_reads(), before);
}

#[tokio::test]
async fn a_flood_of_revocations_is_no_way_to_be_remembered() {
    let fixture = Fixture::new().await;
    let token = fixture.sign_in("ann").await.access.text;
    let principal = fixture.authenticate(token.expose()).await.unwrap().principal;
    sessions::log_out(&fixture.identity, &principal, &Origin::default()).await.unwrap();

    for _ in 0..3000 {
        fixture.world.services.publish_revocation(Revocation::Key(KeyId::new(&fixture.world.services.clock)));
    }

    assert!(fixture.authenticate(token.expose()).await.is_err());
}

#[tokio::test]
async fn a_key_text_is_returned_once_and_works_until_it_is_revoked() {
    let mut fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;

    let made = api_keys::create(&fixture.identity, &ann, &new_key()).await.unwrap();
    let text = made.text.expose();
    let principal = fixture.authenticate(text).await.unwrap().principal;
    let listed = api_keys::list(&ann, PageRequest { limit: 10, after: None }).await.unwrap();
    assert_eq!(principal.owner_id(), Some(fixture.ann));
    assert_eq!(listed.rows.len(), 1);
    fixture.revocations();

    let id = KeyId(made.row.id);
    api_keys::revoke(&ann, id).await.unwrap();

    assert_eq!(refusal(fixture.authenticate(text).await), Problem::invalid_token());
    assert_eq!(fixture.revocations(), [Revocation::Key(id)]);
    assert_eq!(refusal(api_keys::revoke(&ann, id).await), Problem::not_found());
}

#[tokio::test]
async fn a_key_is_not_taken_out_of_a_url() {
    let fixture = Fixture::new().await;
    let made = api_keys::create(&fixture.identity, &fixture.op("ann").await, &new_key()).await.unwrap();

    let in_a_url = fixture.identity.authenticate(Credential::Query(made.text.expose())).await;

    assert_eq!(code(in_a_url), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn a_key_ends_at_its_own_end_and_a_connection_on_it_after_a_day() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;
    let now = fixture.identity.now();
    let hour = NewKey { expires_at: Some(now + TimeDelta::hours(1)), ..new_key() };
    let endless = api_keys::create(&fixture.identity, &ann, &new_key()).await.unwrap();
    let hour = api_keys::create(&fixture.identity, &ann, &hour).await.unwrap();

    assert_eq!(
        fixture.authenticate(endless.text.expose()).await.unwrap().expires_at,
        now + TimeDelta::hours(24)
    );
    assert_eq!(fixture.authenticate(hour.text.expose()).await.unwrap().expires_at, now + TimeDelta::hours(1));
    fixture.advance(3600);
    assert!(fixture.authenticate(hour.text.expose()).await.is_err());
    assert!(fixture.authenticate(endless.text.expose()).await.is_ok());
}

#[tokio::test]
async fn every_bad_field_of_a_key_is_named() {
    let fixture = Fixture::new().await;
    let past = fixture.identity.now();
    let bad = NewKey { name: " ".into(), scopes: Vec::new(), expires_at: Some(past) };

    let problem = refusal(api_keys::create(&fixture.identity, &fixture.op("ann").await, &bad).await);

    let fields: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(fields, ["/name", "/scopes", "/expires_at"]);
}

#[tokio::test]
async fn a_key_sleeps_while_its_maker_does() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Admin).await, fixture.op("ann").await);
    let made = api_keys::create(&fixture.identity, &fixture.op("bob").await, &new_key()).await.unwrap();
    assert!(fixture.authenticate(made.text.expose()).await.is_ok());

    let active = |is_active| UserPatch { is_active: Some(is_active), ..UserPatch::default() };
    users::change(&ann, bob, &active(false), &anything).await.unwrap();
    assert_eq!(refusal(fixture.authenticate(made.text.expose()).await), Problem::inactive_user());
    users::change(&ann, bob, &active(true), &anything).await.unwrap();
    assert!(fixture.authenticate(made.text.expose()).await.is_ok());
    users::remove(&ann, bob, &anything).await.unwrap();

    assert_eq!(refusal(fixture.authenticate(made.text.expose()).await), Problem::invalid_token());
}

async fn ticket(fixture: &Fixture) -> (Authenticated, String) {
    let token = fixture.sign_in("ann").await.access.text;
    let admitted = fixture.authenticate(token.expose()).await.unwrap();
    let ticket = fixture.identity.tickets.mint(&admitted.principal, admitted.expires_at).unwrap();
    (admitted, ticket.expose().to_owned())
}

#[tokio::test]
async fn a_ticket_opens_one_socket() {
    let fixture = Fixture::new().await;
    let (admitted, ticket) = ticket(&fixture).await;

    // A connection that is refused for another reason has not used it.
    for _ in 0..2 {
        let shown =
            fixture.identity.authenticate(Credential::Ticket(&ticket, Channel::Socket)).await.unwrap();
        assert_eq!((shown.principal, shown.expires_at), (admitted.principal.clone(), admitted.expires_at));
    }
    let tickets = &fixture.identity.tickets;
    let both = join_all([tickets.redeem_for_socket(&ticket), tickets.redeem_for_socket(&ticket)]).await;

    assert_eq!(both.iter().filter(|one| one.is_ok()).count(), 1);
    let again = fixture.identity.authenticate(Credential::Ticket(&ticket, Channel::Socket)).await;
    assert_eq!(refusal(again), Problem::invalid_token());
}

#[tokio::test]
async fn a_stream_may_show_its_ticket_again_when_it_reconnects() {
    let fixture = Fixture::new().await;
    let (_, ticket) = ticket(&fixture).await;
    let shown = async |door| fixture.identity.authenticate(Credential::Ticket(&ticket, door)).await;
    let redeem = async || fixture.identity.tickets.redeem_for_stream(&ticket).await;

    let first = redeem().await.unwrap();
    fixture.advance(400);
    assert!(shown(Channel::Stream).await.is_ok(), "its stream is open");
    assert!(shown(Channel::Socket).await.is_err());
    drop(first);
    fixture.advance(299);
    assert!(shown(Channel::Stream).await.is_ok());
    drop(redeem().await.unwrap());
    fixture.advance(300);

    assert!(shown(Channel::Stream).await.is_err(), "five minutes after its last seat");
    assert!(redeem().await.is_err());
}

#[tokio::test]
async fn a_streams_ticket_ends_with_the_credential_behind_it_unless_a_newer_one_is_brought() {
    let fixture = Fixture::new().await;
    let (_, ticket) = ticket(&fixture).await;
    let shown = async || fixture.identity.authenticate(Credential::Ticket(&ticket, Channel::Stream)).await;
    let stream = fixture.identity.tickets.redeem_for_stream(&ticket).await.unwrap();

    fixture.advance(899);
    assert!(shown().await.is_ok());
    stream.extend(fixture.identity.now() + TimeDelta::seconds(900));
    fixture.advance(899);
    assert!(shown().await.is_ok());
    fixture.advance(1);

    assert!(shown().await.is_err());
}

#[tokio::test]
async fn a_hundred_thousand_tickets_fill_nothing_and_refuse_nobody() {
    let fixture = Fixture::new().await;
    let tickets = &fixture.identity.tickets;
    let (admitted, _) = ticket(&fixture).await;
    let other = fixture.world.another_tenant().await;
    let zoe = sample::user_of(other, UserId(4_711), Role::Viewer);

    for _ in 0..100_000 {
        tickets.mint(&admitted.principal, admitted.expires_at).unwrap();
    }
    assert_eq!(tickets.stream_ticket_count(), 0);
    // With streams: each is opened and closed at once, until the owner's own share of the half minute is used up.
    let mut opened = 0;
    let mut refused = 0;
    for _ in 0..2_000 {
        let ticket = tickets.mint(&admitted.principal, admitted.expires_at).unwrap();
        match tickets.redeem_for_stream(ticket.expose()).await {
            Ok(stream) => {
                opened += 1;
                drop(stream);
            }
            Err(problem) => {
                assert_eq!(problem.code, Code::RateLimited);
                refused += 1;
            }
        }
    }

    assert_eq!((opened, refused), (512, 1_488));
    assert_eq!(tickets.stream_ticket_count(), 6, "as many as the owner may have streams");
    for _ in 0..10 {
        let ticket = tickets.mint(&zoe, admitted.expires_at).unwrap();
        assert!(tickets.redeem_for_socket(ticket.expose()).await.is_ok());
        let ticket = tickets.mint(&zoe, admitted.expires_at).unwrap();
        assert!(tickets.redeem_for_stream(ticket.expose()).await.is_ok());
    }
    fixture.advance(30);
    let ticket = tickets.mint(&admitted.principal, admitted.expires_at).unwrap();
    assert!(tickets.redeem_for_socket(ticket.expose()).await.is_ok());
}

#[tokio::test]
async fn tickets_of_the_former_key_hold_while_it_is_in_the_ring() {
    let fixture = Fixture::new().await;
    let (_, ticket) = ticket(&fixture).await;
    let key = |kid: &str, byte: u8| {
        SigningKey::new(kid, &[byte; 32], fixture.identity.now() - TimeDelta::days(1)).unwrap()
    };

    fixture.identity.replace_ring(KeyRing::new(vec![key("k1", 7), key("k2", 8)]).unwrap());
    assert!(fixture.identity.tickets.peek(&ticket, Channel::Socket).await.is_ok());
    fixture.identity.replace_ring(KeyRing::new(vec![key("k2", 8)]).unwrap());

    assert_eq!(
        refusal(fixture.identity.tickets.peek(&ticket, Channel::Socket).await),
        Problem::invalid_token()
    );
}

#[tokio::test]
async fn a_ticket_ends_after_thirty_seconds_and_with_its_sign_in() {
    let fixture = Fixture::new().await;
    let (_, late) = ticket(&fixture).await;
    fixture.advance(TICKET_TTL.as_secs());
    let (admitted, orphan) = ticket(&fixture).await;

    sessions::log_out(&fixture.identity, &admitted.principal, &Origin::default()).await.unwrap();

    for ticket in [late.as_str(), orphan.as_str(), "llt_x", ""] {
        let shown = fixture.identity.authenticate(Credential::Ticket(ticket, Channel::Socket)).await;
        assert_eq!(refusal(shown), Problem::invalid_token());
    }
}

fn foreign(tenants: &[&str]) -> ForeignIssuer {
    ForeignIssuer {
        name: "old".into(),
        iss: None,
        is_default: true,
        keys: vec![VerifyingKey::shared_secret(None, b"old secret", vec![Algorithm::Hs256]).unwrap()].into(),
        audiences: Vec::new(),
        required: ForeignIssuer::default_required(),
        claims: ClaimMap::default(),
        tenants: tenants.iter().map(|slug| (*slug).to_owned()).collect(),
    }
}

fn foreign_token(fixture: &Fixture, subject: &str) -> String {
    let claims = serde_json::json!({ "sub": subject, "exp": fixture.identity.now().timestamp() + 600 });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(b"old secret")).unwrap()
}

#[tokio::test]
async fn an_existing_back_ends_token_speaks_for_a_user_of_its_tenants() {
    let fixture = Fixture::with(settings(), vec![foreign(&["acme"])]).await;
    fixture.world.another_tenant().await;
    add(&fixture.identity, "other", "zoe", Role::Admin).await;

    let ann = fixture.authenticate(&foreign_token(&fixture, "ann")).await.unwrap().principal;

    assert_eq!((ann.user_id(), ann.session_id()), (Some(fixture.ann), None));
    for stranger in ["zoe", "nobody", "Ann"] {
        let shown = fixture.authenticate(&foreign_token(&fixture, stranger)).await;
        assert_eq!(refusal(shown), Problem::invalid_token(), "{stranger}");
    }
    let out = sessions::log_out(&fixture.identity, &ann, &Origin::default()).await;
    assert_eq!(code(out), Some(Code::Conflict));
}

#[tokio::test]
async fn a_foreign_name_in_two_tenants_is_refused() {
    let fixture = Fixture::with(settings(), vec![foreign(&["acme", "other"])]).await;
    fixture.world.another_tenant().await;
    let token = foreign_token(&fixture, "ann");
    assert!(fixture.authenticate(&token).await.is_ok());

    add(&fixture.identity, "other", "ann", Role::Member).await;
    fixture.advance(5);

    assert_eq!(refusal(fixture.authenticate(&token).await), Problem::invalid_token());
}

#[tokio::test]
async fn texts_that_are_no_credential_are_refused_quickly() {
    let fixture = Fixture::new().await;
    let before = fixture.identity.account_reads();
    let refresh = fixture.sign_in("ann").await.refresh;

    #[expect(clippy::disallowed_methods, reason = "a generous bound on the wall's clock is what is asserted")]
    let start = Instant::now();
    for text in ["", "x", "a.b.c", "llk_", "llt_x", refresh.expose(), &"x".repeat(100_000)] {
        assert_eq!(refusal(fixture.authenticate(text).await), Problem::invalid_token());
    }

    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(fixture.identity.account_reads(), before);
}

#[test]
fn callers_may_wait_on_any_thread() {
    fn is_send<T: Send>(_: T) {}
    #[expect(dead_code, reason = "that it compiles is the assertion")]
    fn check(identity: &Identity) {
        is_send(identity.authenticate(Credential::Header("x")));
    }
}
