//! Recomputes the keys by which texts are compared: case-folded as Unicode defines it, composed (NFC) and trimmed.
//! User names also get their skeletons, so that a new name is not confusable with another's.
//!
//! Where two users get the same key the older one gets the name, and the younger one keeps its former key;
//! `key_clash` names the field until the tenant's admins have been notified.

use std::collections::BTreeMap;

use caseless::default_case_fold_str;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["username_skeleton text NOT NULL DEFAULT ''", "key_skeleton text NOT NULL DEFAULT ''"]
        {
            run(manager, &format!("ALTER TABLE users ADD COLUMN {column}")).await?;
        }
        // username, email, or both with a comma: the keys that belong to an older user, until the admins have been
        // notified.
        run(manager, "ALTER TABLE users ADD COLUMN key_clash text").await?;
        for (name, columns) in INDEXES {
            run(manager, &format!("CREATE INDEX {name} ON users ({columns})")).await?;
        }
        run(manager, "CREATE INDEX users_with_clash ON users (id) WHERE key_clash IS NOT NULL").await?;
        force_row_security(manager, false).await?;
        fold_users(manager).await?;
        fold_operators(manager).await?;
        fold_properties(manager).await?;
        compose_tags(manager).await?;
        force_row_security(manager, true).await
    }

    /// Restores the former keys. Folded properties stay folded until they are seen again.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        force_row_security(manager, false).await?;
        for table in ["users", "operators"] {
            restore_former_keys(manager, table).await?;
        }
        force_row_security(manager, true).await?;
        run(manager, "DROP INDEX users_with_clash").await?;
        for (name, _) in INDEXES {
            run(manager, &format!("DROP INDEX {name}")).await?;
        }
        for column in ["username_skeleton", "key_skeleton", "key_clash"] {
            run(manager, &format!("ALTER TABLE users DROP COLUMN {column}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const INDEXES: [(&str, &str); 2] = [
    ("users_by_skeleton", "tenant_id, username_skeleton"),
    ("users_by_key_skeleton", "tenant_id, key_skeleton"),
];

/// Rows that are read at once.
const PAGE: u64 = 500;

/// Row security is forced on PostgreSQL, and has no policy for the owner, which sees the rows only while it is
/// lifted.
async fn force_row_security(manager: &SchemaManager<'_>, forced: bool) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let word = if forced { "FORCE" } else { "NO FORCE" };
    for table in ["users", "operators", "properties", "jobs"] {
        run(manager, &format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY")).await?;
    }
    Ok(())
}

/// The next rows of a table, in the order of their ids, which is the order of creation.
async fn fetch_page(
    manager: &SchemaManager<'_>,
    columns: &str,
    table: &str,
    after: i64,
) -> Result<Vec<QueryResult>, DbErr> {
    let sql = format!("SELECT {columns} FROM {table} WHERE id > $1 ORDER BY id LIMIT {PAGE}");
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, [after.into()]);
    manager.get_connection().query_all_raw(statement).await
}

async fn fold_users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut after = 0;
    loop {
        let rows =
            fetch_page(manager, "id, tenant_id, username, email, username_key, email_key", "users", after)
                .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
        for row in &rows {
            fold_user(manager, row).await?;
        }
    }
}

async fn fold_user(manager: &SchemaManager<'_>, row: &QueryResult) -> Result<(), DbErr> {
    let (id, tenant): (i64, i64) = (row.try_get("", "id")?, row.try_get("", "tenant_id")?);
    let (username, email): (String, String) = (row.try_get("", "username")?, row.try_get("", "email")?);
    for (field, new) in [("username", name_key(&username)), ("email", folded(&email))] {
        let former: String = row.try_get("", &format!("{field}_key"))?;
        if former == new {
            continue;
        }
        let column = format!("{field}_key");
        match find_other_with_key(manager, "users", &column, Some(tenant), &new, id).await? {
            None => update_row(manager, "users", id, &[(&column, new.into())]).await?,
            // Both keep their former keys. The younger one is reported, whichever of the two has the new form of the
            // key.
            Some(other) => record_clash(manager, Ord::max(other, id), field).await?,
        }
    }
    let skeletons = [
        ("username_skeleton", skeleton(&username).collect::<String>().into()),
        ("key_skeleton", skeleton(&name_key(&username)).collect::<String>().into()),
    ];
    update_row(manager, "users", id, &skeletons).await
}

/// Adds a field to those in which the user equals an older one.
async fn record_clash(manager: &SchemaManager<'_>, id: i64, field: &str) -> Result<(), DbErr> {
    let sql = "UPDATE users SET key_clash = CASE WHEN key_clash IS NULL THEN $2 ELSE key_clash || ',' || $2 END \
               WHERE id = $1 AND (key_clash IS NULL OR key_clash NOT LIKE '%' || $2 || '%')";
    let values: [Value; 2] = [id.into(), field.into()];
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, values);
    manager.get_connection().execute_raw(statement).await?;
    Ok(())
}

/// Platform accounts are few, and their names unique in the whole deployment: if a key is taken, the former one
/// stays.
async fn fold_operators(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut after = 0;
    loop {
        let rows = fetch_page(manager, "id, username", "operators", after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
        for row in &rows {
            let (id, username): (i64, String) = (row.try_get("", "id")?, row.try_get("", "username")?);
            let new = name_key(&username);
            if find_other_with_key(manager, "operators", "username_key", None, &new, id).await?.is_none() {
                update_row(manager, "operators", id, &[("username_key", new.into())]).await?;
            }
        }
    }
}

async fn fold_properties(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = "id, tenant_id, source, listing_key, city_key, search_text";
    let mut after = 0;
    loop {
        let rows = fetch_page(manager, columns, "properties", after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
        for row in &rows {
            fold_property(manager, row).await?;
        }
    }
}

async fn fold_property(manager: &SchemaManager<'_>, row: &QueryResult) -> Result<(), DbErr> {
    let (id, tenant): (i64, i64) = (row.try_get("", "id")?, row.try_get("", "tenant_id")?);
    let text = |name: &str| row.try_get::<Option<String>>("", name);
    let mut changes: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, new) in [("city_key", text("city_key")?), ("search_text", text("search_text")?)] {
        let changed = new.as_deref().map(folded).filter(|folded| Some(folded) != new.as_ref());
        changed.into_iter().for_each(|folded| _ = changes.insert(name, folded.into()));
    }
    let (source, key) = (text("source")?.unwrap_or_default(), text("listing_key")?.unwrap_or_default());
    let new = (exact(&source), exact(&key));
    if new != (source.clone(), key.clone()) {
        // Of two listings with the same new key, the older one gets it: later sightings count for it, and the other
        // is not seen again.
        let other = find_listing(manager, tenant, &new).await?;
        if let Some(younger) = other.filter(|other| *other > id) {
            // Moved out of the way first: the key is unique.
            update_row(
                manager,
                "properties",
                younger,
                &[("listing_key", format!("{}\u{a0}{younger}", new.1).into())],
            )
            .await?;
            update_row(manager, "properties", id, &key_of(&new)).await?;
            update_row(manager, "properties", younger, &key_of(&(source, key))).await?;
        } else if other.is_none() {
            changes.extend(key_of(&new));
        }
    }
    let changes: Vec<(&str, Value)> = changes.into_iter().collect();
    update_row(manager, "properties", id, &changes).await
}

fn key_of((source, key): &(String, String)) -> [(&'static str, Value); 2] {
    [("source", source.as_str().into()), ("listing_key", key.as_str().into())]
}

/// The listing that has the key.
async fn find_listing(
    manager: &SchemaManager<'_>,
    tenant: i64,
    key: &(String, String),
) -> Result<Option<i64>, DbErr> {
    let sql = "SELECT id FROM properties WHERE tenant_id = $1 AND source = $2 AND listing_key = $3";
    let values: [Value; 3] = [tenant.into(), key.0.as_str().into(), key.1.as_str().into()];
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, values);
    let row = manager.get_connection().query_one_raw(statement).await?;
    row.map(|row| row.try_get("", "id")).transpose()
}

/// Lists of tags are JSON as text, which composing does not damage.
async fn compose_tags(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut after = 0;
    loop {
        let rows = fetch_page(manager, "id, tags", "jobs", after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
        for row in &rows {
            let (id, tags): (i64, String) = (row.try_get("", "id")?, row.try_get("", "tags")?);
            let composed: String = tags.nfc().collect();
            if composed != tags {
                update_row(manager, "jobs", id, &[("tags", composed.into())]).await?;
            }
        }
    }
}

async fn restore_former_keys(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let is_user = table == "users";
    let columns = if is_user { "id, tenant_id, username, email" } else { "id, username" };
    let mut after = 0;
    loop {
        let rows = fetch_page(manager, columns, table, after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
        for row in &rows {
            let (id, username): (i64, String) = (row.try_get("", "id")?, row.try_get("", "username")?);
            let tenant: Option<i64> = if is_user { Some(row.try_get("", "tenant_id")?) } else { None };
            let mut keys = vec![("username_key", username.nfkc().collect::<String>().to_lowercase())];
            if is_user {
                keys.push(("email_key", row.try_get::<String>("", "email")?.to_lowercase()));
            }
            for (column, key) in keys {
                if find_other_with_key(manager, table, column, tenant, &key, id).await?.is_none() {
                    update_row(manager, table, id, &[(column, key.into())]).await?;
                }
            }
        }
    }
}

/// Another row that has the key, in the tenant or, for a platform table, anywhere.
async fn find_other_with_key(
    manager: &SchemaManager<'_>,
    table: &str,
    column: &str,
    tenant: Option<i64>,
    key: &str,
    id: i64,
) -> Result<Option<i64>, DbErr> {
    let mut values: Vec<Value> = vec![key.into(), id.into()];
    let mut sql = format!("SELECT id FROM {table} WHERE {column} = $1 AND id <> $2");
    if let Some(tenant) = tenant {
        sql.push_str(" AND tenant_id = $3");
        values.push(tenant.into());
    }
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, values);
    let row = manager.get_connection().query_one_raw(statement).await?;
    row.map(|row| row.try_get("", "id")).transpose()
}

async fn update_row(
    manager: &SchemaManager<'_>,
    table: &str,
    id: i64,
    changes: &[(&str, Value)],
) -> Result<(), DbErr> {
    if changes.is_empty() {
        return Ok(());
    }
    let columns: Vec<String> =
        (2..).zip(changes).map(|(number, (column, _))| format!("{column} = ${number}")).collect();
    let values = std::iter::once(id.into()).chain(changes.iter().map(|(_, value)| value.clone()));
    let sql = format!("UPDATE {table} SET {} WHERE id = $1", columns.join(", "));
    let statement = Statement::from_sql_and_values(manager.get_database_backend(), sql, values);
    manager.get_connection().execute_raw(statement).await?;
    Ok(())
}

/// The normal forms at the time of this migration; those of the server may change later.
fn exact(text: &str) -> String {
    text.trim().nfc().collect()
}

fn folded(text: &str) -> String {
    let apart: String = text.trim().nfd().collect();
    default_case_fold_str(&apart).nfc().collect()
}

fn name_key(text: &str) -> String {
    let apart: String = text.trim().nfkd().collect();
    default_case_fold_str(&apart).nfkc().collect()
}

async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await?;
    Ok(())
}
