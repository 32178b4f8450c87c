//! Whatever an admin does to another user's things, or an operator to a tenant, is in that tenant's audit log: a walk
//! over every changing operation of the served document.

use std::time::Duration;

use lotline::auth::tenant_scope::SystemReason;
use lotline::base::ids::TenantId;
use lotline::base::page::PageRequest;
use lotline::domain::identity::audit;
use lotline::domain::op::Op;
use lotline::protocol::audit_log::AuditEntry;
use serde_json::json;

use super::call::Call;
use super::case::{CallerKind, Case};
use super::documents::{Operation, operations};
use super::factories::cases;
use super::world::World;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

/// Operations that reach nothing of another user, with the reason. This list may only shrink.
const EXCEPTIONS: [(&str, &str); 28] = [
    ("create_token", "one's own sign-in; failed ones are noted by their own rule"),
    ("register", "makes a tenant of one's own; off unless configured"),
    ("log_out", "one's own sign-in"),
    ("set_password", "one's own password"),
    ("end_session", "one's own sign-in"),
    ("end_other_sessions", "one's own sign-ins"),
    ("create_socket_ticket", "one's own ticket"),
    ("refresh_stream", "one's own stream"),
    ("create_job", "one's own job"),
    ("refresh_property", "one's own job"),
    ("preview_page", "reads a page of a site and stores nothing"),
    ("create_upload", "one's own file"),
    ("send_chat", "one's own words"),
    ("send_direct_message", "one's own words"),
    ("edit_message", "refused: only its author edits a message"),
    ("mark_room_read", "one's own mark"),
    ("mark_conversation_read", "one's own mark"),
    ("read_notification", "one's own mark"),
    ("claim_job", "a program's work, not an admin's"),
    ("start_job", "a program's work, not an admin's"),
    ("keep_job_lease", "a program's work, not an admin's"),
    ("report_job_progress", "a program's work, not an admin's"),
    ("complete_job", "a program's work, not an admin's"),
    ("fail_job", "a program's work, not an admin's"),
    ("append_job_logs", "a program's work, not an admin's"),
    ("upsert_properties", "a program's work, not an admin's"),
    ("put_property_by_key", "a program's work, not an admin's"),
    ("delete_tenant", "the tenant's audit log goes with it; the platform's keeps the deed"),
];

on_both_databases! {
    every_access_to_another_users_resource_is_audited,
    a_broadcast_of_an_operator_is_in_each_tenants_audit_log,
    actions_on_ones_own_resources_are_not_audited_as_done_to_another,
}

async fn every_access_to_another_users_resource_is_audited(app: &TestApp) {
    let world = World::new(app).await;
    let zed = app.admin("zed").await;
    let all = operations(app).await;
    let mut faults = Vec::new();
    let unknown = EXCEPTIONS.iter().filter(|(name, _)| all.iter().all(|one| one.id != *name));
    faults.extend(unknown.map(|(name, _)| format!("{name} is an exception, and no operation")));
    let changing = all.iter().filter(|one| one.method != "get");
    // An alias at the root is the same operation.
    let is_exception = |id: &str| EXCEPTIONS.iter().any(|(name, _)| *name == id.trim_end_matches("_at_root"));
    for operation in changing.filter(|one| !is_exception(&one.id)) {
        faults.extend(walk(&world, &zed, operation).await);
    }

    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

async fn walk(world: &World<'_>, zed: &Admin<'_>, operation: &Operation) -> Vec<String> {
    let id = &operation.id;
    let Some(cases) = cases(world, id).await else { return vec![format!("{id}: no requests")] };
    let mut faults = Vec::new();
    for case in cases {
        let (credential, kind, name) = match case.caller_kind() {
            CallerKind::Admin => (zed.another_token().await, "user", "zed"),
            CallerKind::Operator => (world.operator.clone(), "operator", "root"),
            by => {
                faults.push(format!("{id}: {by:?} is no admin; it is an exception, or has another case"));
                continue;
            }
        };
        faults.extend(
            missing_audit_entry(world, &case, &credential, (kind, name))
                .await
                .map(|words| format!("{id}: {words}")),
        );
    }
    faults
}

/// What is wrong with the audit entry of one request.
async fn missing_audit_entry(
    world: &World<'_>,
    case: &Case,
    credential: &str,
    actor: (&str, &str),
) -> Option<String> {
    let before = newest(world.app, world.app.acme).await;
    let call = case.own();
    let answer = call.send(world.app, Some(credential)).await;
    if !(200..300).contains(&answer.status) {
        return Some(format!("is refused: {call}: {answer:?}"));
    }
    // A tenant that was just created has its own audit log.
    let made =
        (answer.status == 201 && actor.0 == "operator").then(|| answer.json()["id"].as_i64()).flatten();
    let (tenant, before) = made.map_or((world.app.acme, before), |id| (TenantId(id), 0));
    let entries = entries(world.app, tenant).await;
    let mine = entries.iter().filter(|one| one.id > before);
    let mut mine =
        mine.filter(|one| (one.actor_kind.as_str(), one.actor_name.as_deref()) == (actor.0, Some(actor.1)));
    match mine.next() {
        None => Some(format!("leaves no trace: {call}")),
        Some(entry) if actor.0 == "operator" && entry.address.is_some() => {
            Some(format!("tells the tenant where the operator is: {entry:?}"))
        }
        Some(_) => None,
    }
}

async fn entries(app: &TestApp, tenant: TenantId) -> Vec<AuditEntry> {
    let op = Op::of_system(&app.services, SystemReason::Demo, tenant);
    audit::list(&op, PageRequest { limit: 50, after: None }).await.unwrap().rows
}

async fn newest(app: &TestApp, tenant: TenantId) -> i64 {
    entries(app, tenant).await.first().map_or(0, |entry| entry.id)
}

async fn a_broadcast_of_an_operator_is_in_each_tenants_audit_log(app: &TestApp) {
    let (root, ann, sue) = (app.operator("root").await, app.admin("ann").await, app.stranger("sue").await);

    let sent = root.post("/api/v1/admin/broadcast", &json!({ "message": "news" })).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let id = sent.json()["broadcast_id"].clone();

    for admin in [&ann, &sue] {
        let find = async || {
            let log = admin.get("/api/v1/audit-log").await.json();
            let entries = log["data"].as_array().unwrap().clone();
            entries.into_iter().find(|entry| entry["target_id"] == id)
        };
        let mut entry = find().await;
        for _ in 0..20 {
            if entry.is_none() {
                app.advance(Duration::from_secs(1)).await;
                entry = find().await;
            }
        }
        let entry = entry.expect("an entry of the broadcast");
        assert_eq!((&entry["action"], &entry["actor_kind"]), (&json!("broadcast.sent"), &json!("operator")));
        assert_eq!((&entry["actor_name"], entry.get("address")), (&json!("root"), None));
    }
}

async fn actions_on_ones_own_resources_are_not_audited_as_done_to_another(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let job = json!({ "spider_name": "auto", "target_urls": ["https://portal.example/"] });
    let jobs = [bob.post("/api/v1/jobs", &job).await.json(), bob.post("/api/v1/jobs", &job).await.json()];
    let path = |job: &serde_json::Value, verb: &str| format!("/api/v1/jobs/{}/{verb}", job["job_id"]);

    assert_eq!(bob.post(&path(&jobs[0], "cancel"), &json!({})).await.status, 200);
    assert_eq!(ann.post(&path(&jobs[1], "cancel"), &json!({})).await.status, 200);
    assert_eq!(ann.post(&path(&jobs[1], "retry"), &json!({})).await.status, 200);
    let again = Call::post(&path(&jobs[1], "retry")).send(app, Some(ann.token())).await;
    assert_eq!(again.status, 409, "{again:?}");

    let log = ann.get("/api/v1/audit-log").await.json();
    let about_jobs = log["data"].as_array().unwrap().iter().filter(|entry| entry["target_kind"] == "job");
    let deeds: Vec<_> =
        about_jobs.map(|entry| (&entry["action"], &entry["target_id"], &entry["detail"])).collect();
    let target = json!(jobs[1]["job_id"].to_string());
    let by = json!({ "created_by": bob.id.0 });
    assert_eq!(deeds, [(&json!("job.retried"), &target, &by), (&json!("job.cancelled"), &target, &by)]);
}
