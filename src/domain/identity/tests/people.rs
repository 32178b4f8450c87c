//! Users: making, changing and removing them, and what that does to what they hold.

use super::*;
use crate::base::page::PageRequest;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants::{self, TenantPatch};
use crate::domain::identity::users::{self, NewUser, UserPatch};
use crate::domain::jobs;
use crate::protocol::job::NewJob;

const FIRST: PageRequest<i64> = PageRequest { limit: 10, after: None };

fn new_user(username: &str) -> NewUser {
    NewUser {
        username: username.into(),
        email: format!("{username}@acme.example"),
        password: Some(PASSWORD.into()),
        role: Role::Member,
        display_name: Some("Somebody".into()),
    }
}

fn role(role: Role) -> UserPatch {
    UserPatch { role: Some(role), ..UserPatch::default() }
}

fn active(is_active: bool) -> UserPatch {
    UserPatch { is_active: Some(is_active), ..UserPatch::default() }
}

#[tokio::test]
async fn an_admin_adds_people_and_finds_them_again() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;

    let bob = users::create(&fixture.identity, &ann, new_user("Bob")).await.unwrap();

    assert_eq!(users::get(&ann, UserId(bob.id)).await.unwrap(), bob);
    let names: Vec<_> =
        users::list(&ann, FIRST).await.unwrap().rows.into_iter().map(|row| row.username).collect();
    assert_eq!(names, ["ann", "Bob"]);
    assert!(fixture.sign_in_with("bob", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn names_and_addresses_are_taken_whatever_their_case() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;
    users::create(&fixture.identity, &ann, new_user("bob")).await.unwrap();

    let same_name = NewUser { email: "other@acme.example".into(), ..new_user("BOB") };
    let same_email = NewUser { email: "BOB@acme.example".into(), ..new_user("rob") };

    assert_eq!(code(users::create(&fixture.identity, &ann, same_name).await), Some(Code::Conflict));
    assert_eq!(code(users::create(&fixture.identity, &ann, same_email).await), Some(Code::Conflict));
}

#[tokio::test]
async fn every_bad_field_of_a_new_user_is_named() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;
    let bad = NewUser {
        username: "a/b".into(),
        email: "nowhere".into(),
        password: Some("short".into()),
        role: Role::Member,
        display_name: Some(String::new()),
    };

    let problem = refusal(users::create(&fixture.identity, &ann, bad).await);

    let fields: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(fields, ["/username", "/email", "/display_name", "/password"]);
}

#[tokio::test]
async fn members_see_the_directory_and_manage_nobody() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let op = fixture.op("bob").await;
    fixture.add("eve", Role::Member).await;
    let eve = fixture.sign_in_with("eve", PASSWORD).await.unwrap().user().unwrap().1;
    users::change(&ann, eve, &active(false), &anything).await.unwrap();

    let names: Vec<_> =
        users::directory(&op, FIRST).await.unwrap().rows.into_iter().map(|row| row.username).collect();

    assert_eq!(names, ["ann", "bob"]);
    assert_eq!(users::me(&op).await.unwrap().id, bob.0);
    assert_eq!(code(users::list(&op, FIRST).await), Some(Code::Forbidden));
    assert_eq!(code(users::get(&op, fixture.ann).await), Some(Code::Forbidden));
    assert_eq!(code(users::change(&op, bob, &role(Role::Admin), &anything).await), Some(Code::Forbidden));
    assert_eq!(code(users::remove(&op, fixture.ann, &anything).await), Some(Code::Forbidden));
}

#[tokio::test]
async fn another_tenants_user_is_not_found() {
    let fixture = Fixture::new().await;
    fixture.world.another_tenant().await;
    let stranger = add(&fixture.identity, "other", "zoe", Role::Member).await;
    let ann = fixture.op("acme/ann").await;

    assert_eq!(refusal(users::get(&ann, stranger).await), Problem::not_found());
    assert_eq!(refusal(users::change(&ann, stranger, &active(false), &anything).await), Problem::not_found());
    assert_eq!(refusal(users::remove(&ann, stranger, &anything).await), Problem::not_found());
}

#[tokio::test]
async fn the_last_admin_stays_an_active_admin() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;

    let conflict = Some(Code::Conflict);
    assert_eq!(code(users::change(&ann, fixture.ann, &role(Role::Member), &anything).await), conflict);
    assert_eq!(code(users::change(&ann, fixture.ann, &active(false), &anything).await), conflict);
    assert_eq!(code(users::remove(&ann, fixture.ann, &anything).await), conflict);

    fixture.add("bob", Role::Admin).await;
    assert!(users::change(&ann, fixture.ann, &role(Role::Member), &anything).await.is_ok());
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once_and_comes_back_by_signing_in() {
    let mut fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let signed_in = fixture.sign_in("bob").await;
    assert!(fixture.authenticate(signed_in.access.text.expose()).await.is_ok());
    fixture.revocations();

    users::change(&ann, bob, &active(false), &anything).await.unwrap();

    assert!(fixture.authenticate(signed_in.access.text.expose()).await.is_err());
    assert_eq!(fixture.revocations(), [Revocation::User { tenant: fixture.world.tenant, user: bob }]);
    users::change(&ann, bob, &active(true), &anything).await.unwrap();
    assert!(fixture.authenticate(signed_in.access.text.expose()).await.is_err(), "its sign-in was ended");
    assert!(fixture.sign_in_with("bob", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_change_of_role_holds_for_the_very_next_request() {
    let mut fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let token = fixture.sign_in("bob").await.access.text;
    let before = fixture.authenticate(token.expose()).await.unwrap().principal;
    fixture.revocations();

    users::change(&ann, bob, &role(Role::Viewer), &anything).await.unwrap();

    let after = fixture.authenticate(token.expose()).await.unwrap().principal;
    let role_of = |principal: &Principal| match principal {
        Principal::User(user) => user.role(),
        Principal::Key(_) | Principal::Operator(_) => unreachable!("a user signed in"),
    };
    assert_eq!((role_of(&before), role_of(&after)), (Role::Member, Role::Viewer));
    assert_eq!(fixture.identity.reload_principal(&before).await.unwrap(), after);
    assert_eq!(fixture.revocations(), [Revocation::UserChanged { tenant: fixture.world.tenant, user: bob }]);
}

#[tokio::test]
async fn a_new_name_holds_for_the_very_next_request() {
    let mut fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let token = fixture.sign_in("bob").await.access.text;
    let before = fixture.authenticate(token.expose()).await.unwrap().principal;
    fixture.revocations();
    let name = |name: &str| UserPatch { username: Some(name.into()), ..UserPatch::default() };

    users::change(&ann, bob, &name("robert"), &anything).await.unwrap();
    users::change(&ann, bob, &name("robert"), &anything).await.unwrap();

    let after = fixture.authenticate(token.expose()).await.unwrap().principal;
    let name_of = |principal: &Principal| match principal {
        Principal::User(user) => user.username().to_owned(),
        Principal::Key(_) | Principal::Operator(_) => unreachable!("a user signed in"),
    };
    assert_eq!((name_of(&before), name_of(&after)), ("bob".to_owned(), "robert".to_owned()));
    assert_eq!(fixture.identity.reload_principal(&before).await.unwrap(), after);
    assert_eq!(fixture.revocations(), [Revocation::UserChanged { tenant: fixture.world.tenant, user: bob }]);
}

#[tokio::test]
async fn personal_fields_are_set_and_emptied() {
    let fixture = Fixture::new().await;
    let ann = fixture.op("ann").await;
    let named = UserPatch {
        email: Some("ann@new.example".into()),
        display_name: Some(Some("Ann".into())),
        avatar_url: Some(Some("https://acme.example/ann.png".into())),
        ..UserPatch::default()
    };

    let row = users::change(&ann, fixture.ann, &named, &anything).await.unwrap();
    assert_eq!(row.display_name.as_deref(), Some("Ann"));

    let emptied = UserPatch { display_name: Some(None), ..UserPatch::default() };
    let row = users::change(&ann, fixture.ann, &emptied, &anything).await.unwrap();
    assert_eq!((row.display_name, row.email.as_deref()), (None, Some("ann@new.example")));
}

#[tokio::test]
async fn a_precondition_that_fails_changes_nothing() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let stale = |_: &_| Err(Problem::new(Code::PreconditionFailed, "It has changed."));

    assert_eq!(
        code(users::change(&ann, bob, &role(Role::Admin), &stale).await),
        Some(Code::PreconditionFailed)
    );
    assert_eq!(code(users::remove(&ann, bob, &stale).await), Some(Code::PreconditionFailed));
    assert_eq!(users::get(&ann, bob).await.unwrap().role, Role::Member);
}

#[tokio::test]
async fn a_removed_user_is_gone_and_the_name_is_free() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let signed_in = fixture.sign_in("bob").await;

    users::remove(&ann, bob, &anything).await.unwrap();

    assert_eq!(refusal(users::get(&ann, bob).await), Problem::not_found());
    assert!(fixture.authenticate(signed_in.access.text.expose()).await.is_err());
    fixture.add("bob", Role::Member).await;
}

#[tokio::test]
async fn what_a_removed_user_created_stays_without_the_name() {
    let fixture = Fixture::new().await;
    let (bob, ann) = (fixture.add("bob", Role::Member).await, fixture.op("ann").await);
    let new = NewJob {
        spider_name: "auto".into(),
        target_urls: Some(vec!["https://homes.example/".into()]),
        max_pages: None,
        max_items: None,
        allowed_hosts: None,
        tags: None,
        upload_ids: None,
        targets_only: None,
        reread: None,
    };
    jobs::queue::create(&fixture.op("bob").await, new).await.unwrap();

    users::remove(&ann, bob, &anything).await.unwrap();

    assert_eq!(refusal(users::get(&ann, bob).await), Problem::not_found());
    let tx = ann.read().await.unwrap();
    let remains = crate::storage::users::find_all(&tx, &[bob.0]).await.unwrap().remove(0);
    assert_eq!(remains.username, format!("deleted-{bob}"));
    assert_eq!((remains.password_hash, remains.display_name), (None, None));
    drop(tx);
    assert_eq!(users::list(&ann, FIRST).await.unwrap().rows.len(), 1);
    assert!(fixture.sign_in_with("bob", PASSWORD).await.is_err());
    fixture.add("bob", Role::Member).await;
}

#[tokio::test]
async fn a_suspended_tenant_lets_nobody_in_until_it_is_resumed() {
    let fixture = Fixture::new().await;
    let platform =
        PlatformOp::of_system(&fixture.world.services, crate::auth::tenant_scope::SystemReason::CommandLine);
    let token = fixture.sign_in("ann").await.access.text;
    assert!(fixture.authenticate(token.expose()).await.is_ok());

    let set = |is_active| TenantPatch { is_active: Some(is_active), ..TenantPatch::default() };
    tenants::change(&platform, fixture.world.tenant, &set(false), &anything).await.unwrap();
    let refused = fixture.authenticate(token.expose()).await;
    let at_the_door = fixture.sign_in_with("ann", PASSWORD).await;
    tenants::change(&platform, fixture.world.tenant, &set(true), &anything).await.unwrap();

    assert_eq!(refusal(refused), Problem::inactive_user());
    assert_eq!(code(at_the_door), Some(Code::InactiveUser));
    assert!(fixture.authenticate(token.expose()).await.is_ok());
}
