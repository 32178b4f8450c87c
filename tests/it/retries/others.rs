//! The same key for another operation or of another caller is a different key.

use lotline::auth::key_scope::KeyScope;
use serde_json::json;

use super::{job, spider};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    the_same_key_of_another_caller_is_another_key,
    the_same_key_at_another_endpoint_is_another_key,
    another_request_under_the_same_key_is_refused_and_does_nothing,
    where_no_key_is_taken_it_is_ignored,
}

async fn the_same_key_of_another_caller_is_another_key(app: &TestApp) {
    let (ann, bob, eve) = (app.admin("ann").await, app.member("bob").await, app.stranger("eve").await);
    let (one, two) =
        (app.worker(&ann, &[KeyScope::JobsRun]).await, app.worker(&ann, &[KeyScope::JobsRun]).await);
    let same_ann = Caller { app, credential: Some(ann.another_token().await) };
    let callers: [&Caller<'_>; 5] = [&ann, &bob, &eve, &one, &two];

    let mut made = Vec::new();
    for caller in callers {
        let answer = caller.posts_with_key("k", "/api/v1/jobs", &job()).await;
        assert_eq!((answer.status, answer.is_replay()), (201, false), "{answer:?}");
        made.push(answer.json());
    }
    let again = same_ann.posts_with_key("k", "/api/v1/jobs", &job()).await;

    // Four of the first tenant; the other tenant's has its own id too.
    assert_eq!((ann.counts_jobs().await, eve.counts_jobs().await), (4, 1));
    assert_eq!(
        (again.is_replay(), again.json()),
        (true, made[0].clone()),
        "another sign-in is the same person"
    );
}

async fn the_same_key_at_another_endpoint_is_another_key(app: &TestApp) {
    let admin = app.admin("ann").await;
    let listing = json!({"list_price": 7});

    let answers = [
        admin.posts_with_key("k", "/api/v1/jobs", &job()).await,
        admin.posts_with_key("k", "/api/v1/spiders", &spider("portal")).await,
        admin.sends_with_key("k", "PUT", "/api/v1/spiders/portal", &json!({"runner": "builtin"})).await,
        admin.posts_with_key("k", "/api/v1/admin/broadcast", &json!({"message": "news"})).await,
        admin.posts_with_key("k", "/admin/broadcast", &json!({"message": "news"})).await,
    ];
    let worker = app.worker(&admin, &[KeyScope::PropertiesWrite]).await;
    for key in ["a", "b"] {
        let put = worker
            .sends_with_key("k", "PUT", &format!("/api/v1/properties/by-key/mls/{key}"), &listing)
            .await;
        assert_eq!((put.status, put.is_replay()), (201, false), "{put:?}");
    }

    for answer in answers {
        assert!((200..300).contains(&answer.status) && !answer.is_replay(), "{answer:?}");
    }
}

async fn another_request_under_the_same_key_is_refused_and_does_nothing(app: &TestApp) {
    let admin = app.admin("ann").await;
    let other = json!({"spider_name": "auto", "target_urls": ["https://elsewhere.example/"]});
    admin.posts_with_key("k", "/api/v1/jobs", &job()).await;
    admin.posts_with_key("k", "/admin/broadcast?message=news", &json!(null)).await;

    let other_body = admin.posts_with_key("k", "/api/v1/jobs", &other).await;
    let other_query = admin.posts_with_key("k", "/admin/broadcast?message=other", &json!(null)).await;
    let the_first_again = admin.posts_with_key("k", "/api/v1/jobs", &job()).await;

    other_body.expect_problem(422, "idempotency_conflict");
    other_query.expect_problem(422, "idempotency_conflict");
    assert!(the_first_again.is_replay());
    assert_eq!(admin.counts_jobs().await, 1);
}

async fn where_no_key_is_taken_it_is_ignored(app: &TestApp) {
    let admin = app.admin("ann").await;
    let user =
        |name: &str| json!({"username": name, "email": format!("{name}@example.com"), "role": "member"});
    let key = json!({"name": "k", "scopes": ["jobs:run"]});

    for name in ["bob", "cid"] {
        let made = admin.posts_with_key("k", "/api/v1/users", &user(name)).await;
        assert_eq!((made.status, made.is_replay()), (201, false), "{made:?}");
        let made = admin.posts_with_key("k", "/api/v1/api-keys", &key).await;
        assert_eq!((made.status, made.is_replay()), (201, false), "{made:?}");
    }
}
