//! Whether a node is alive and ready, and which part keeps it from being ready.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_node_whose_database_is_gone_lives_and_is_not_ready,
    a_full_disk_is_over_once_a_write_has_shown_it,
}

async fn a_node_whose_database_is_gone_lives_and_is_not_ready(app: &TestApp) {
    assert_eq!(app.anonymous().get("/readyz").await.json(), json!({ "status": "ready" }));

    app.services.db.clone().close().await.unwrap();

    let problem = app.anonymous().get("/readyz").await.expect_problem(503, "unavailable");
    assert_eq!(problem["detail"], "The database does not answer.");
    assert_eq!(app.anonymous().get("/livez").await.json(), json!({ "status": "live" }));
    assert_eq!(app.metrics("/metrics").await.status, 200);
}

async fn a_full_disk_is_over_once_a_write_has_shown_it(app: &TestApp) {
    let writes = app.services.db.writes();
    writes.set_disk_full();
    let held = app.operator("olga").await.get("/api/v1/stats").await.json();
    assert_eq!(held["disk_full"], true);

    assert_eq!(app.anonymous().get("/readyz").await.status, 200);

    assert!(!writes.is_disk_full());
}
