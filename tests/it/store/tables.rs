//! The tables as the database itself describes them, and a row in each: a new table is covered without a change here.

use lotline::storage::{self, DatabaseSettings};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

/// A table and its columns with their types, as the database names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<(String, String)>,
}

impl Table {
    /// The column with the row's tenant; none in platform tables.
    pub fn owner(&self) -> Option<&'static str> {
        let has = |wanted: &str| self.columns.iter().any(|(name, _)| name == wanted);
        if has("tenant_id") { Some("tenant_id") } else { (self.name == "tenants").then_some("id") }
    }
}

/// A separate connection to a SQLite file.
pub async fn open_sqlite(path: &std::path::Path) -> DatabaseConnection {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options.sqlx_logging(false).max_connections(1);
    Database::connect(options).await.unwrap()
}

/// All tables of the product, by name.
pub async fn tables(connection: &DatabaseConnection) -> Vec<Table> {
    let sql = match connection.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT c.table_name::text, c.column_name::text, c.data_type::text FROM information_schema.columns c
             WHERE c.table_schema = 'public' AND c.table_name <> 'seaql_migrations'
             ORDER BY c.table_name, c.ordinal_position"
        }
        _ => {
            "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT IN ('seaql_migrations', 'sqlite_sequence')
             ORDER BY m.name, c.cid"
        }
    };
    let mut tables: Vec<Table> = Vec::new();
    for row in rows(connection, sql).await {
        let [name, column, kind] = [0, 1, 2].map(|at| row.try_get_by_index::<String>(at).unwrap());
        if tables.last().is_none_or(|last| last.name != name) {
            tables.push(Table { name, columns: Vec::new() });
        }
        tables.last_mut().unwrap().columns.push((column, kind.to_lowercase()));
    }
    tables
}

/// Inserts a row of tenant `number` into every table. Its ids and all its references are that number, so that the
/// rows of one tenant belong together.
pub async fn fill(connection: &DatabaseConnection, number: u8) {
    let mut left = tables(connection).await;
    while !left.is_empty() {
        let (mut waiting, mut last_error) = (Vec::new(), None);
        let before = left.len();
        for table in left {
            // What it refers to may not exist yet: then it is retried in the next round.
            if let Err(error) = connection.execute_unprepared(&insert(&table, number)).await {
                last_error = Some(format!("{}: {error}", table.name));
                waiting.push(table);
            }
        }
        left = waiting;
        assert!(left.len() < before, "no row can be made: {last_error:?}");
    }
}

/// Inserts one more row into a filled table, with these columns changed.
pub async fn fill_one_more(connection: &DatabaseConnection, table: &str, changed: &[(&str, &str)]) {
    let tables = tables(connection).await;
    let table = tables.iter().find(|one| one.name == table).unwrap();
    connection.execute_unprepared(&insert_changed(table, 1, changed)).await.unwrap();
}

fn insert(table: &Table, number: u8) -> String {
    insert_changed(table, number, &[])
}

fn insert_changed(table: &Table, number: u8, changed: &[(&str, &str)]) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let of = |(name, kind): &(String, String)| {
        let given = changed.iter().find(|(column, _)| column == name);
        given.map_or_else(|| value(name, kind, number), |(_, value)| (*value).to_owned())
    };
    let values: Vec<String> = table.columns.iter().map(of).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, columns.join(", "), values.join(", "))
}

/// A value for a column of this type.
pub fn value(column: &str, kind: &str, number: u8) -> String {
    match kind {
        // A session belongs to a user or to an operator; these belong to users.
        _ if column == "operator_id" => "NULL".to_owned(),
        "text" => format!("'text {number}'"),
        "boolean" => "true".to_owned(),
        "uuid" => format!("'00000000-0000-7000-8000-0000000000{number:02x}'"),
        "blob" => format!("X'000000000000700080000000000000{number:02x}'"),
        _ => number.to_string(),
    }
}

/// The rows of a query, as the database gives them.
pub async fn rows(connection: &DatabaseConnection, sql: &str) -> Vec<sea_orm::QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The single number that a query returns.
pub async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    rows(connection, sql).await[0].try_get_by_index(0).unwrap()
}

/// Reverts the migration with a name that ends with `name`, and all later ones.
pub async fn take_back_from(settings: &DatabaseSettings, name: &str) {
    let status = storage::schema_status(settings).await.unwrap();
    let at = status.iter().position(|(migration, _)| migration.ends_with(name)).unwrap();
    storage::migrate_down(settings, u32::try_from(status.len() - at).unwrap()).await.unwrap();
}
