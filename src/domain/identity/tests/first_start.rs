//! What the command line and a first start do.

use super::*;
use crate::auth::key_scope::KeyScope;
use crate::base::page::PageRequest;
use crate::domain::identity::bootstrap::BootstrapKey;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants;

#[tokio::test]
async fn the_first_tenant_and_admin_are_made_once_in_a_store_that_had_none() {
    let world = World::empty().await;
    let identity = identity(&world, settings(), Vec::new(), 1);
    let secret = SecretString::from(PASSWORD);
    assert!(bootstrap::is_empty(&identity).await.unwrap());

    let made = bootstrap::first_start(&identity, "first", "root", &secret).await.unwrap();
    let again = bootstrap::first_start(&identity, "first", "root", &secret).await.unwrap();
    let another = bootstrap::first_start(&identity, "second", "root", &secret).await.unwrap();

    assert!(made.is_some() && again.is_none() && another.is_none());
    let form = PasswordForm { username: "first/root", password: PASSWORD, scope: None, client: HOME };
    assert!(sign_in(&identity, &form, &Origin::default()).await.is_ok());
    assert!(!bootstrap::is_empty(&identity).await.unwrap());
}

#[tokio::test]
async fn a_token_from_the_command_line_is_a_sign_in_like_any_other() {
    let fixture = Fixture::new().await;

    let token = bootstrap::mint_token(&fixture.identity, "acme", "ann", None).await.unwrap();

    let admitted = fixture.authenticate(token.text.expose()).await.unwrap();
    assert_eq!(admitted.principal.user_id(), Some(fixture.ann));
    assert!(admitted.principal.session_id().is_some());
}

#[tokio::test]
async fn a_key_from_the_command_line_belongs_to_the_first_admin() {
    let fixture = Fixture::new().await;
    let new_key =
        BootstrapKey { username: None, name: "worker", scopes: &[KeyScope::JobsRun], expires_at: None };

    let made = bootstrap::create_key(&fixture.identity, "acme", &new_key).await.unwrap();

    let principal = fixture.authenticate(made.text.expose()).await.unwrap().principal;
    assert_eq!(principal.owner_id(), Some(fixture.ann));
    assert_eq!(
        code(bootstrap::create_key(&fixture.identity, "nowhere", &new_key).await),
        Some(Code::NotFound)
    );
}

#[tokio::test]
async fn tenants_are_distinguished_by_their_slugs() {
    let fixture = Fixture::new().await;

    bootstrap::create_tenant(&fixture.identity, "beta", "Beta").await.unwrap();

    assert_eq!(code(bootstrap::create_tenant(&fixture.identity, "beta", "B").await), Some(Code::Conflict));
    let bad = refusal(bootstrap::create_tenant(&fixture.identity, "Beta!", "").await);
    assert_eq!(bad.errors.len(), 2);
    let platform =
        PlatformOp::of_system(&fixture.world.services, crate::auth::tenant_scope::SystemReason::CommandLine);
    let page = tenants::list(&platform, PageRequest { limit: 1, after: None }).await.unwrap();
    assert_eq!((page.rows[0].slug.as_str(), page.next.is_some()), ("acme", true));
}

#[tokio::test]
async fn only_an_operator_works_on_the_platform() {
    let fixture = Fixture::new().await;
    let secret = SecretString::from("operator's own");
    bootstrap::create_operator(&fixture.identity, "root", &secret).await.unwrap();
    let ann = fixture.principal("ann").await;
    let token = fixture.sign_in_with("root", "operator's own").await.unwrap().access.text;
    let root = fixture.authenticate(token.expose()).await.unwrap().principal;

    let services = &fixture.world.services;
    assert_eq!(
        code(PlatformOp::of_operator(services, ann, Origin::default()).map(drop)),
        Some(Code::Forbidden)
    );
    assert!(PlatformOp::of_operator(services, root.clone(), Origin::default()).is_ok());
    assert_eq!(code(Op::of_caller(services, root, Origin::default()).map(drop)), Some(Code::Forbidden));
    let twin = bootstrap::create_operator(&fixture.identity, "ROOT", &secret).await;
    assert_eq!(code(twin), Some(Code::Conflict));
}
