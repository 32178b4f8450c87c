//! Which processes use a data folder: one server, subcommands beside it, and none that makes a store by mistake.

use std::path::Path;

use crate::support::binary::{ProcessOutput, Server, lotline, run, serve_in};

fn subcommand(folder: &Path, arguments: &str) -> ProcessOutput {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    run(lotline(&arguments).env("LOTLINE__SERVER__DATA_DIR", folder))
}

/// Status 1, nothing on standard output, and a last line with these words.
#[track_caller]
fn is_refused(ended: &ProcessOutput, words: &[&str]) {
    let last = ended.stderr.lines().last().unwrap_or_default();
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(last.starts_with("lotline: "), "{ended:?}");
    assert!(words.iter().all(|word| last.contains(word)), "{words:?} in {ended:?}");
}

#[test]
fn a_subcommand_in_a_wrong_folder_is_refused_and_creates_nothing() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    let file = outer.path().join("file").display().to_string();
    let (backup, export) = (format!("backup --to {file}"), format!("tenant export --slug acme --to {file}"));

    for arguments in [
        backup.as_str(),
        "restore --verify",
        "migrate status",
        "migrate down --confirm",
        "tenant list",
        "tenant show --slug acme",
        &export,
        "tenant delete --slug acme --confirm acme",
        "user list --tenant acme",
        "user list --operator",
        "user create --tenant acme --username ann",
        "user create --operator --username root --password-stdin",
        "user deactivate --tenant acme --username ann",
        "user password-link --tenant acme --username ann",
        "key list --tenant acme",
        "key create --tenant acme --username ann --name worker --scopes events:read",
        "key revoke --tenant acme --id 01900000-0000-7000-8000-000000000000",
        "token mint --tenant acme --username ann",
        "token check nonsense",
    ] {
        let ended = subcommand(&folder, arguments);

        is_refused(&ended, &["there is no database in", &folder.display().to_string(), "server.data_dir"]);
    }
    assert_eq!(std::fs::read_dir(outer.path()).unwrap().count(), 0);
}

#[test]
fn subcommands_make_no_signing_keys_for_an_existing_store() {
    let folder = tempfile::tempdir().unwrap();
    let (data, keys) = (folder.path(), folder.path().join("keys"));
    assert_eq!(subcommand(data, "tenant create --slug acme --name Acme").status, Some(0));
    assert_eq!(subcommand(data, "user create --tenant acme --username ann").status, Some(0));
    std::fs::remove_dir_all(&keys).unwrap();

    let listed = subcommand(data, "user list --tenant acme");
    let minted = subcommand(data, "token mint --tenant acme --username ann");
    let checked = subcommand(data, "token check nonsense");

    assert!(listed.stdout.contains("ann"), "{listed:?}");
    for ended in [minted, checked] {
        is_refused(&ended, &["there is no signing key for HS256 in", &keys.display().to_string()]);
    }
    assert!(!keys.exists());
}

#[test]
fn the_schema_goes_down_with_the_server_stopped_and_when_that_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let server = Server::start(&mut serve_in(data));
    let beside = subcommand(data, "migrate down --confirm");
    drop(server);
    let unconfirmed = subcommand(data, "migrate down");
    let before = subcommand(data, "migrate status");

    let confirmed = subcommand(data, "migrate down --confirm");

    let missing = |ended: &ProcessOutput| {
        let lines = ended.stdout.lines();
        (ended.status, lines.filter(|line| line.starts_with("missing ")).count())
    };
    is_refused(&beside, &["is in use: stop its server first", &data.display().to_string()]);
    is_refused(&unconfirmed, &["--confirm"]);
    assert_eq!(missing(&before), (Some(0), 0), "{before:?}");
    assert_eq!(missing(&confirmed), (Some(0), 1), "{confirmed:?}");
}

#[test]
fn a_second_server_is_refused_and_subcommands_work_beside_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let first = Server::start(&mut serve_in(data));

    let second = run(&mut serve_in(data));
    let beside = subcommand(data, "tenant create --slug acme --name Acme");
    drop(first);
    let next = Server::start(&mut serve_in(data));

    is_refused(&second, &["a server runs on the database", &data.display().to_string()]);
    assert_eq!(beside.status, Some(0), "{beside:?}");
    drop(next);
}
