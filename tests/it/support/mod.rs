//! The basis of the tests: a node on its own database, its users, and clients for each carrier. Helpers hide set-up
//! and waiting, never what a test asserts.

pub mod answer;
pub mod app;
pub mod binary;
pub mod browser;
pub mod jwt_corpus;
pub mod key_pair;
pub mod key_server;
pub mod people;
pub mod port;
pub mod postgres;
pub mod raw;
pub mod settings;
pub mod socket;
pub mod stream;
pub mod wait;

/// Runs each test body on SQLite and on PostgreSQL, as two tests. A body is an `async fn(&TestApp)`; after `with`
/// come settings that differ from those of every test.
macro_rules! on_both_databases {
    ($($name:ident $(with $settings:expr)?),* $(,)?) => {
        mod sqlite {
            $($crate::support::on_one_database!(Sqlite, $name $(, $settings)?);)*
        }
        mod postgres {
            $($crate::support::on_one_database!(Postgres, $name $(, $settings)?);)*
        }
    };
}

macro_rules! on_one_database {
    ($back:ident, $name:ident) => {
        $crate::support::on_one_database!($back, $name, &[]);
    };
    ($back:ident, $name:ident, $settings:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            use $crate::support::app::{Backend, TestApp};
            let app = TestApp::spawn_with(Backend::$back, $settings).await;
            super::$name(&app).await;
            app.finish().await;
        }
    };
}

pub(crate) use {on_both_databases, on_one_database};
