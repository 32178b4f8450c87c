//! A start that cannot succeed ends at once, with one plain line for each fault.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::store::tables::open_sqlite;
use crate::support::binary::{ProcessOutput, Server, clear_environment, lotline, run, serve_in};
use crate::support::port::ReservedPort;

/// Status 1, nothing on standard output, and one line with the reason, preceded at most by INFO lines of the log.
#[track_caller]
fn is_refused(ended: &ProcessOutput, words: &[&str]) {
    let (last, log) =
        ended.stderr.lines().rev().collect::<Vec<_>>().split_first().map_or(("", 0), |(last, rest)| {
            (*last, rest.iter().filter(|line| !line.contains(" INFO ")).count())
        });
    assert_eq!((ended.status, ended.stdout.as_str(), log), (Some(1), "", 0), "{ended:?}");
    assert!(last.starts_with("lotline: "), "{ended:?}");
    assert!(words.iter().all(|word| last.contains(word)), "{words:?} in {ended:?}");
}

/// A folder with mode 0700, as the server requires.
fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

#[test]
fn every_fault_of_the_configuration_is_named_with_status_2() {
    let folder = private_folder();
    let mut command = serve_in(folder.path());
    command
        .env("LOTLINE__SERVER__BIND", "nowhere")
        .env("LOTLINE__LIMITS__QUEUE_BYTES", "1")
        .env("LOTLINE__AUTH__TYPO", "1");

    let ended = run(&mut command);
    let checked = run(lotline(&["config", "check"]).env("LOTLINE__SERVER__BIND", "nowhere"));

    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    for word in ["LOTLINE__SERVER__BIND", "LOTLINE__LIMITS__QUEUE_BYTES", "LOTLINE__AUTH__TYPO"] {
        assert_eq!(ended.stderr.lines().filter(|line| line.contains(word)).count(), 1, "{word} in {ended:?}");
    }
    assert_eq!(checked.status, Some(2));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "something was written before the configuration was right"
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = private_folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let ended = run(serve_in(folder.path()).env("LOTLINE__SERVER__BIND", &address));

    is_refused(&ended, &[&address, "in use"]);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();

    let ended = run(&mut as_nobody(&folder));

    is_refused(&ended, &[&folder.display().to_string()]);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The server run by a user that owns nothing: root may write to read-only folders.
fn as_nobody(folder: &Path) -> std::process::Command {
    if !rustix::process::getuid().is_root() {
        return serve_in(folder);
    }
    // A copy that everyone may execute: the build's own folder may be accessible to root only.
    let copy = folder.parent().unwrap().join("lotline");
    fs::copy(env!("CARGO_BIN_EXE_lotline"), &copy).unwrap();
    let mut command = std::process::Command::new("runuser");
    command.args(["-u", "nobody", "--"]).arg(copy).arg("serve").current_dir("/");
    clear_environment(&mut command);
    command.env("LOTLINE__SERVER__BIND", "127.0.0.1:0").env("LOTLINE__SERVER__DATA_DIR", folder);
    command
}

#[test]
fn a_data_folder_that_is_a_file_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    fs::write(&folder, "a file").unwrap();

    is_refused(&run(&mut serve_in(&folder)), &[&folder.display().to_string()]);
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_as_it_was() {
    let folder = private_folder();
    let path = folder.path().join("lotline.db");
    let text = "this is no database ".repeat(1_000);
    fs::write(&path, &text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

    let ended = run(&mut serve_in(folder.path()));

    is_refused(&ended, &[&path.display().to_string()]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_refused() {
    use sea_orm::ConnectionTrait;
    let folder = private_folder();
    drop(Server::start(&mut serve_in(folder.path())));
    let connection = open_sqlite(&folder.path().join("lotline.db")).await;
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_add_wings', 0)";
    connection.execute_unprepared(newer).await.unwrap();
    connection.close().await.unwrap();

    let serve = run(&mut serve_in(folder.path()));
    let migrate = run(lotline(&["migrate", "up"]).env("LOTLINE__SERVER__DATA_DIR", folder.path()));

    for ended in [serve, migrate] {
        is_refused(&ended, &["m29990101_000001_add_wings"]);
    }
}

#[test]
fn a_postgres_that_is_not_there_is_named_without_its_password() {
    let folder = private_folder();
    let port = ReservedPort::take();
    let url = format!("postgres://ann:hunter2-secret@{}/lotline", port.address());

    let ended = run(serve_in(folder.path()).env("LOTLINE__DATABASE__URL", url));

    is_refused(&ended, &[&port.address().to_string()]);
    assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
}

#[test]
fn arguments_that_are_not_known_get_status_2_and_the_way_to_help() {
    for arguments in [&["dance"][..], &["serve", "--loud"], &["--config"], &["user", "create"], &["migrate"]]
    {
        let ended = run(&mut lotline(arguments));

        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_configuration_file_that_is_missing_is_named() {
    let ended = run(&mut lotline(&["--config", "/nowhere/lotline.toml", "serve"]));

    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("/nowhere/lotline.toml"), "{ended:?}");
}
