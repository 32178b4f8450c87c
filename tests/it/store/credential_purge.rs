//! Expired rows are removed.

use std::time::Duration;

use lotline::auth::tenant_scope::SystemReason;
use lotline::base::ids::SessionId;
use lotline::domain::identity::authenticate::Credential;
use lotline::domain::identity::sweep::purge_expired;
use lotline::storage::sessions;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::eventually;

on_both_databases! {
    a_sign_in_is_forgotten_a_week_after_its_end_and_not_before,
    links_and_many_sessions_are_deleted_in_batches,
}

const DAY: Duration = Duration::from_secs(86_400);

async fn session(app: &TestApp, token: &str) -> SessionId {
    let admitted = app.identity.authenticate(Credential::Header(token)).await.unwrap();
    admitted.principal.session_id().unwrap()
}

async fn is_kept(app: &TestApp, id: SessionId) -> bool {
    let tx = app.services.db.system(SystemReason::Retention).read().await.unwrap();
    sessions::find(&tx, id).await.unwrap().is_some()
}

async fn a_sign_in_is_forgotten_a_week_after_its_end_and_not_before(app: &TestApp) {
    let bob = app.member("bob").await;
    let old = session(app, bob.token()).await;

    // Thirty days until it expires, and six more.
    app.clock.advance(DAY * 36);
    purge_expired(&app.services).await.unwrap();
    let before = is_kept(app, old).await;
    let young_token = bob.another_token().await;
    let young = session(app, &young_token).await;
    app.clock.advance(DAY * 2);
    purge_expired(&app.services).await.unwrap();

    assert!(before);
    eventually("the old sign-in to be gone", async || !is_kept(app, old).await).await;
    assert!(is_kept(app, young).await);
}

async fn links_and_many_sessions_are_deleted_in_batches(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let link = ann.post(&format!("/api/v1/users/{}/password-link", bob.id.0), &json!({})).await;
    assert!(link.status < 300, "{link:?}");
    let mut tokens = 0;
    {
        let id = session(app, bob.token()).await;
        let tx = app.services.db.system(SystemReason::Retention).begin().await.unwrap();
        let row = sessions::find(&tx, id).await.unwrap().unwrap();
        while tokens < 1_200 {
            sessions::add_refresh_token(&tx, &row, &format!("hash {tokens}"), 0, row.expires_at)
                .await
                .unwrap();
            tokens += 1;
        }
        tx.commit().await.unwrap();
    }

    app.clock.advance(DAY * 40);
    let gone = purge_expired(&app.services).await.unwrap();

    // Two sign-ins with a token each and a link as well; the node's own timer may have removed some of it already.
    assert!(gone <= tokens + 5, "{gone}");
    eventually("nothing to be left", async || purge_expired(&app.services).await.unwrap() == 0).await;
}
