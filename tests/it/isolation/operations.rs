//! The walk over all operations of the served document.

use std::collections::BTreeSet;

use super::case::{Case, leak};
use super::documents::{Operation, operations};
use super::factories::{EXCEPTIONS, cases};
use super::world::World;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

/// The number of exceptions. Lower it when the list gets shorter.
const MOST_EXCEPTIONS: usize = 2;

/// The admins sign in again for most requests, and their first sign-ins must outlast all of these.
const MANY_SIGN_INS: &[Setting] =
    &[("LOTLINE__LIMITS__SESSIONS_PER_USER", "100000"), ("LOTLINE__TELEMETRY__TENANT_METRICS", "10")];

on_both_databases! {
    no_operation_reads_or_changes_another_tenants_rows with super::MANY_SIGN_INS,
}

async fn no_operation_reads_or_changes_another_tenants_rows(app: &TestApp) {
    let world = World::new(app).await;
    let all = operations(app).await;
    let mut faults = exceptions(&all);
    for operation in all.iter().filter(|one| !is_exception(&one.id)) {
        let found = walk(&world, operation).await;
        faults.extend(found.into_iter().map(|words| format!("{}: {words}", operation.id)));
    }

    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn is_exception(operation: &str) -> bool {
    EXCEPTIONS.iter().any(|(name, _)| *name == operation)
}

fn exceptions(all: &[Operation]) -> Vec<String> {
    assert_eq!(EXCEPTIONS.len(), MOST_EXCEPTIONS, "the list of exceptions may only get shorter");
    let unknown = EXCEPTIONS.iter().filter(|(name, _)| all.iter().all(|one| one.id != *name));
    unknown.map(|(name, _)| format!("{name} is an exception, and no operation")).collect()
}

/// Everything is created twice: once to show that its owner can make the request, once for strangers to try and then
/// for its owner to make the request after all.
async fn walk(world: &World<'_>, operation: &Operation) -> Vec<String> {
    let Some(first) = cases(world, &operation.id).await else {
        return vec!["nobody wrote requests that try it".to_owned()];
    };
    let mut faults = untried(operation, &first);
    for case in &first {
        faults.extend(case.succeeds(world).await);
    }
    for case in cases(world, &operation.id).await.unwrap_or_default() {
        faults.extend(case.reveals_nothing(world).await);
        faults.extend(
            case.succeeds(world).await.into_iter().map(|words| format!("after the strangers' try: {words}")),
        );
    }
    if operation.has_cursor {
        faults.extend(cursor(world, &first).await);
    }
    faults
}

/// Parameters and fields that can name something, and that no request of the operation varies.
fn untried(operation: &Operation, cases: &[Case]) -> Vec<String> {
    let tried: BTreeSet<String> = cases.iter().flat_map(|case| case.varied(&operation.path)).collect();
    operation
        .naming
        .difference(&tried)
        .map(|name| format!("no request names another tenant's {name}"))
        .collect()
}

/// The cursor of the first tenant's list returns none of it to the other tenant.
async fn cursor(world: &World<'_>, cases: &[Case]) -> Vec<String> {
    let Some(case) = cases.first() else { return Vec::new() };
    let credential = case.credential(world).await;
    let page = case.own().query("limit", "1").send(world.app, credential.as_deref()).await;
    let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else {
        return vec![format!("its owner has too few for a second page: {page:?}")];
    };
    let mut faults = Vec::new();
    let token = world.stranger.fresh_token().await;
    for credential in [token.as_str(), world.stranger.key.token()] {
        let next = case.tried().query("cursor", cursor.clone());
        let answer = next.send(world.app, Some(credential)).await;
        faults.extend(leak(&next, &answer));
    }
    faults
}
