//! Signing in, staying signed in, and ending it.

use super::*;
use crate::auth::token::key_ring::{KeyRing, SigningKey};
use crate::base::page::PageRequest;
use crate::domain::identity::password::{PasswordChange, change, set_by_link};
use crate::domain::identity::refresh::refresh;
use crate::domain::identity::register::{Registration, register};
use crate::domain::identity::tenants::NewTenant;
use crate::domain::identity::users::{self, NewUser, UserPatch};
use crate::domain::identity::{audit, failed_sign_ins, password_links, sessions};

fn local_origin() -> Origin {
    Origin::default()
}

#[tokio::test]
async fn a_right_password_gives_tokens_that_are_taken() {
    let fixture = Fixture::new().await;

    let signed_in = fixture.sign_in("acme/ann").await;
    let admitted = fixture.authenticate(signed_in.access.text.expose()).await.unwrap();

    assert_eq!(signed_in.user(), Some((fixture.world.tenant, fixture.ann, Role::Admin)));
    assert_eq!(admitted.principal.user_id(), Some(fixture.ann));
    assert_eq!(admitted.expires_at, signed_in.access.expires_at);
}

#[tokio::test]
async fn a_bare_name_is_meant_in_the_only_tenant_or_the_default_one() {
    let fixture = Fixture::new().await;
    assert!(fixture.sign_in_with("Ann", PASSWORD).await.is_ok());

    fixture.world.another_tenant().await;
    assert_eq!(code(fixture.sign_in_with("ann", PASSWORD).await), Some(Code::Unauthenticated));

    let by_default = IdentitySettings { default_tenant: Some("acme".into()), ..settings() };
    let fixture = Fixture { identity: identity(&fixture.world, by_default, Vec::new(), 1), ..fixture };
    assert!(fixture.sign_in_with("ann", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_and_the_work_are_the_same() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let asleep = UserPatch { is_active: Some(false), ..UserPatch::default() };
    users::change(&ann, bob, &asleep, &anything).await.unwrap();
    let newcomer = NewUser {
        username: "eve".into(),
        email: "eve@acme.example".into(),
        password: None,
        role: Role::Viewer,
        display_name: None,
    };
    users::create(&fixture.identity, &ann, newcomer).await.unwrap();

    let mut answers = Vec::new();
    for name in ["acme/ann", "acme/nobody", "nowhere/ann", "acme/bob", "acme/eve", "nobody", "a/b/c", ""] {
        let before = fixture.identity.password_checks();
        answers.push(refusal(fixture.sign_in_with(name, "wrong password").await));
        assert_eq!(fixture.identity.password_checks() - before, 1, "{name}");
    }

    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].code, Code::Unauthenticated);
}

#[tokio::test]
async fn deactivation_is_disclosed_only_for_the_right_password() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);

    let asleep = UserPatch { is_active: Some(false), ..UserPatch::default() };
    users::change(&ann, bob, &asleep, &anything).await.unwrap();

    assert_eq!(code(fixture.sign_in_with("bob", PASSWORD).await), Some(Code::InactiveUser));
}

#[tokio::test]
async fn guesses_are_slowed_alike_for_names_that_exist_and_names_that_do_not() {
    let fixture = Fixture::new().await;

    for name in ["acme/ann", "acme/nobody"] {
        for _ in 0..6 {
            assert_eq!(
                code(fixture.sign_in_with(name, "wrong").await),
                Some(Code::Unauthenticated),
                "{name}"
            );
        }
        let slowed = refusal(fixture.sign_in_with(name, "wrong").await);
        assert_eq!((slowed.code, slowed.retry_after), (Code::RateLimited, Some(1)), "{name}");
    }
    assert_eq!(code(fixture.sign_in_with("acme/ann", PASSWORD).await), Some(Code::RateLimited));
    fixture.advance(1);
    assert!(fixture.sign_in_with("acme/ann", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_bare_name_cannot_be_taken_from_an_operator() {
    let fixture = Fixture::new().await;
    let secret = SecretString::from("operator's own");
    bootstrap::create_operator(&fixture.identity, "root", &secret).await.unwrap();
    fixture.add("root", Role::Member).await;

    let operator = fixture.sign_in_with("root", "operator's own").await.unwrap();
    let user = fixture.sign_in_with("acme/root", PASSWORD).await.unwrap();

    assert!(operator.operator_id().is_some());
    assert!(user.user().is_some());
    let admitted = fixture.authenticate(operator.access.text.expose()).await.unwrap();
    assert!(matches!(admitted.principal, Principal::Operator(_)));
    assert_eq!(code(fixture.sign_in_with("root", PASSWORD).await), Some(Code::Unauthenticated));
    assert!(refresh(&fixture.identity, operator.refresh.expose(), &local_origin()).await.is_ok());
}

#[tokio::test]
async fn a_hash_of_another_cost_is_renewed_at_the_next_sign_in() {
    let fixture = Fixture::new().await;
    let fixture = Fixture { identity: identity(&fixture.world, settings(), Vec::new(), 2), ..fixture };

    fixture.sign_in("ann").await;

    let tx = fixture.op("ann").await.read().await.unwrap();
    let row = crate::storage::users::find(&tx, fixture.ann).await.unwrap().unwrap();
    assert!(row.password_hash.unwrap().contains("t=2"));
}

#[tokio::test]
async fn sign_ins_and_failures_are_in_the_audit_log() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        let _ = fixture.sign_in_with("acme/ann", "wrong").await;
    }
    failed_sign_ins::write_pending(&fixture.identity).await.unwrap();

    let op = fixture.op("ann").await;
    let page = audit::list(&op, PageRequest { limit: 10, after: None }).await.unwrap();

    let actions: Vec<_> = page.rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["login.succeeded", "login.failed", "user.created"]);
    assert_eq!(page.rows[1].actor_name.as_deref(), Some("acme/ann"));
}

#[tokio::test]
async fn a_refresh_token_is_traded_for_the_next_pair() {
    let fixture = Fixture::new().await;
    let first = fixture.sign_in("ann").await;
    fixture.advance(600);

    let second = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();
    let third = refresh(&fixture.identity, second.refresh.expose(), &local_origin()).await.unwrap();

    assert!(fixture.authenticate(third.access.text.expose()).await.is_ok());
    assert!(fixture.authenticate(first.access.text.expose()).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_soon_gives_the_same_next_one() {
    let fixture = Fixture::new().await;
    let first = fixture.sign_in("ann").await;

    let one = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();
    fixture.advance(10);
    let other = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();

    assert_eq!(one.refresh.expose(), other.refresh.expose());
    for pair in [one, other] {
        assert!(fixture.authenticate(pair.access.text.expose()).await.is_ok());
        assert!(refresh(&fixture.identity, pair.refresh.expose(), &local_origin()).await.is_ok());
    }
}

#[tokio::test]
async fn another_server_key_derives_another_successor() {
    let fixture = Fixture::new().await;
    let first = fixture.sign_in("ann").await;
    let one = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();

    // The key that the successor was derived with is removed within the grace period.
    let key = SigningKey::new("k2", &[8; 32], fixture.identity.now()).unwrap();
    fixture.identity.replace_ring(KeyRing::new(vec![key]).unwrap());
    let other = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();
    let again = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();

    assert_ne!(one.refresh.expose(), other.refresh.expose());
    assert_eq!(other.refresh.expose(), again.refresh.expose());
    for pair in [one, other] {
        assert!(refresh(&fixture.identity, pair.refresh.expose(), &local_origin()).await.is_ok());
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_later_ends_the_whole_sign_in() {
    let mut fixture = Fixture::new().await;
    let first = fixture.sign_in("ann").await;
    let second = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await.unwrap();
    assert!(fixture.authenticate(second.access.text.expose()).await.is_ok());
    fixture.advance(11);
    fixture.revocations();

    let replayed = refresh(&fixture.identity, first.refresh.expose(), &local_origin()).await;

    assert_eq!(code(replayed), Some(Code::SessionRevoked));
    assert!(matches!(fixture.revocations()[..], [Revocation::Session(_)]));
    assert_eq!(refusal(fixture.authenticate(second.access.text.expose()).await), Problem::invalid_token());
    assert_eq!(
        code(refresh(&fixture.identity, second.refresh.expose(), &local_origin()).await),
        Some(Code::Unauthenticated)
    );
}

#[tokio::test]
async fn refresh_tokens_end_and_strangers_are_refused() {
    let fixture = Fixture::new().await;
    let first = fixture.sign_in("ann").await;

    fixture.advance(30 * 24 * 3600);

    for token in [first.refresh.expose(), first.access.text.expose(), "llr_x", ""] {
        assert_eq!(
            code(refresh(&fixture.identity, token, &local_origin()).await),
            Some(Code::Unauthenticated)
        );
    }
}

#[tokio::test]
async fn signing_out_ends_that_sign_in_and_no_other() {
    let mut fixture = Fixture::new().await;
    let (here_, there) = (fixture.sign_in("ann").await, fixture.sign_in("ann").await);
    let principal = fixture.authenticate(here_.access.text.expose()).await.unwrap().principal;

    sessions::log_out(&fixture.identity, &principal, &local_origin()).await.unwrap();

    assert_eq!(refusal(fixture.authenticate(here_.access.text.expose()).await), Problem::invalid_token());
    assert!(fixture.authenticate(there.access.text.expose()).await.is_ok());
    assert_eq!(fixture.revocations(), [Revocation::Session(principal.session_id().unwrap())]);
    assert!(refresh(&fixture.identity, here_.refresh.expose(), &local_origin()).await.is_err());
}

#[tokio::test]
async fn people_see_and_end_their_own_sign_ins_only() {
    let fixture = Fixture::new().await;
    fixture.add("bob", Role::Member).await;
    let (ann, bob) = (fixture.principal("ann").await, fixture.principal("bob").await);
    let bobs = bob.session_id().unwrap();

    let page = PageRequest { limit: 10, after: None };
    let seen = sessions::list(&fixture.identity, &ann, page).await.unwrap();
    let stolen = sessions::end(&fixture.identity, &ann, bobs, &local_origin()).await;

    assert_eq!(seen.rows.len(), 1);
    assert_eq!(refusal(stolen), Problem::not_found());
    assert!(sessions::end(&fixture.identity, &bob, bobs, &local_origin()).await.is_ok());
    assert_eq!(
        refusal(sessions::end(&fixture.identity, &bob, bobs, &local_origin()).await),
        Problem::not_found()
    );
}

#[tokio::test]
async fn a_new_password_ends_the_other_sign_ins() {
    let mut fixture = Fixture::new().await;
    let (mine, other) = (fixture.sign_in("ann").await, fixture.sign_in("ann").await);
    let principal = fixture.authenticate(mine.access.text.expose()).await.unwrap().principal;
    assert!(fixture.authenticate(other.access.text.expose()).await.is_ok());

    let wish = PasswordChange { current: PASSWORD, new: "another horse", client: HOME };
    change(&fixture.identity, &principal, &wish, &local_origin()).await.unwrap();

    assert!(fixture.authenticate(mine.access.text.expose()).await.is_ok());
    assert_eq!(refusal(fixture.authenticate(other.access.text.expose()).await), Problem::invalid_token());
    let (tenant, user, except) = (fixture.world.tenant, fixture.ann, principal.session_id());
    assert_eq!(fixture.revocations(), [Revocation::UserSessions { tenant, user, except }]);
    assert!(fixture.sign_in_with("ann", PASSWORD).await.is_err());
    assert!(fixture.sign_in_with("ann", "another horse").await.is_ok());
}

#[tokio::test]
async fn a_change_of_password_names_every_bad_field() {
    let fixture = Fixture::new().await;
    let principal = fixture.principal("ann").await;

    let wish = PasswordChange { current: "wrong", new: "short", client: HOME };
    let problem = refusal(change(&fixture.identity, &principal, &wish, &local_origin()).await);

    let fields: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(fields, ["/new_password", "/current_password"]);
}

fn token_of(link: &password_links::PasswordLink) -> &str {
    link.url.strip_prefix("https://lotline.example/set-password#token=").unwrap()
}

#[tokio::test]
async fn a_link_sets_a_password_once() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let before = fixture.sign_in("bob").await;

    let link = password_links::create(&fixture.identity, &ann, bob).await.unwrap();
    set_by_link(&fixture.identity, token_of(&link), "another horse", &local_origin()).await.unwrap();

    assert!(fixture.sign_in_with("bob", "another horse").await.is_ok());
    assert!(fixture.authenticate(before.access.text.expose()).await.is_err());
    let again = set_by_link(&fixture.identity, token_of(&link), "a third horse", &local_origin()).await;
    assert_eq!(code(again), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn a_link_ends_with_its_time_and_with_a_newer_one() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;

    let older = password_links::create(&fixture.identity, &ann, fixture.ann).await.unwrap();
    let newer = password_links::create(&fixture.identity, &ann, fixture.ann).await.unwrap();
    let stale = set_by_link(&fixture.identity, token_of(&older), "another horse", &local_origin()).await;
    let unfit = set_by_link(&fixture.identity, token_of(&newer), "short", &local_origin()).await;
    fixture.advance(24 * 3600);
    let late = set_by_link(&fixture.identity, token_of(&newer), "another horse", &local_origin()).await;

    assert_eq!(code(stale), Some(Code::Unauthenticated));
    assert_eq!(code(unfit), Some(Code::ValidationFailed));
    assert_eq!(code(late), Some(Code::Unauthenticated));
}

fn registration(slug: &str) -> Registration {
    Registration {
        tenant: NewTenant { slug: slug.into(), name: "New".into() },
        username: "zoe".into(),
        email: "zoe@new.example".into(),
        password: PASSWORD.into(),
        client: HOME,
    }
}

#[tokio::test]
async fn registering_is_off_unless_it_is_allowed() {
    let fixture = Fixture::new().await;

    assert_eq!(
        code(register(&fixture.identity, &registration("new"), &local_origin()).await),
        Some(Code::Forbidden)
    );
}

#[tokio::test]
async fn registering_makes_a_tenant_with_its_admin_or_nothing() {
    let fixture = Fixture::with(IdentitySettings { registration: true, ..settings() }, Vec::new()).await;

    let zoe = register(&fixture.identity, &registration("new"), &local_origin()).await.unwrap();
    let taken = register(&fixture.identity, &registration("acme"), &local_origin()).await;

    assert!(fixture.authenticate(zoe.access.text.expose()).await.is_ok());
    assert_eq!(zoe.user().map(|(_, _, role)| role), Some(Role::Admin));
    assert_eq!(code(taken), Some(Code::Conflict));
    assert!(fixture.sign_in_with("new/zoe", PASSWORD).await.is_ok());
    assert!(fixture.sign_in_with("acme/zoe", PASSWORD).await.is_err());
}
