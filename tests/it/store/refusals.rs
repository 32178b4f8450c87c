//! When PostgreSQL refuses the server, the error has its address and PostgreSQL's message, never the password.

use lotline::storage::{Database, DatabaseSettings};
use secrecy::SecretString;

use crate::support::port::ReservedPort;
use crate::support::postgres::{TestDatabase, run};
use crate::support::wait::within;

async fn refusal(url: &str) -> String {
    let settings = DatabaseSettings::Postgres {
        url: SecretString::from(url),
        system_url: None,
        migrate_url: None,
        migrate: false,
        max_connections: 2,
        statement_time: None,
    };
    within("the refusal", Database::open(&settings)).await.err().unwrap().to_string()
}

#[tokio::test]
async fn a_port_without_a_server_is_a_refused_connection_at_once() {
    let port = ReservedPort::take();

    let words = refusal(&format!("postgres://ann:hunter2-secret@{}/lotline", port.address())).await;

    assert!(words.contains(&format!("127.0.0.1 port {}: Connection refused", port.number())), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
}

#[tokio::test]
async fn a_missing_database_is_reported_with_the_servers_message() {
    let database = TestDatabase::empty().await;
    let mut url = database.url("tenant");
    url.set_path("nowhere");

    let words = refusal(url.as_str()).await;

    assert!(words.contains("database \"nowhere\" does not exist"), "{words}");
    database.remove().await;
}

#[tokio::test]
async fn a_role_without_access_is_reported_with_the_servers_message_and_no_password() {
    let database = TestDatabase::empty().await;
    let owner = database.as_superuser().await;
    run(&owner, &format!("ALTER ROLE {}_tenant NOLOGIN", database.name)).await;
    owner.close().await.unwrap();
    let mut url = database.url("tenant");
    url.set_password(Some("hunter2-secret")).unwrap();

    let words = refusal(url.as_str()).await;

    assert!(words.contains("is not permitted to log in") && words.contains(" port "), "{words}");
    assert!(!words.contains("hunter2"), "{words}");
    database.remove().await;
}
