//! The list of tenants' tables is complete: it is compared with the databases' own catalogues.

use std::collections::BTreeSet;

use crate::store::tables::{rows, tables};
use crate::support::app::{Backend, TestApp};
use crate::support::on_both_databases;

on_both_databases! {
    every_table_with_an_owner_is_in_the_list_and_no_other,
}

async fn every_table_with_an_owner_is_in_the_list_and_no_other(app: &TestApp) {
    let connection = app.raw_database().await;

    let owned = tables(&connection).await.into_iter().filter_map(|table| {
        let owner = table.owner()?;
        Some((table.name, owner.to_owned()))
    });
    let owned: BTreeSet<(String, String)> = owned.collect();

    let listed = lotline::storage::tenant_tables();
    let listed: BTreeSet<(String, String)> =
        listed.into_iter().map(|(name, owner)| (name.to_owned(), owner.to_owned())).collect();
    assert_eq!(listed, owned);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn row_level_security_guards_the_tables_of_the_list_and_no_other() {
    let app = TestApp::spawn_with(Backend::Postgres, &[]).await;
    let connection = app.raw_database().await;

    let policies = "SELECT p.tablename::text FROM pg_policies p JOIN pg_class c ON c.relname = p.tablename
        WHERE p.policyname = 'tenant_door' AND c.relrowsecurity AND c.relforcerowsecurity";
    let guarded: BTreeSet<String> =
        rows(&connection, policies).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();

    let listed = lotline::storage::tenant_tables();
    assert_eq!(guarded, listed.iter().map(|(name, _)| (*name).to_owned()).collect());
    connection.close().await.unwrap();
    app.finish().await;
}
