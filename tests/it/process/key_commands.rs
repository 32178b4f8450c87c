//! API keys on the command line: what a key may have, and what is shown of it.

use std::path::Path;

use crate::support::binary::{ProcessOutput, lotline, run};

fn subcommand(folder: &Path, arguments: &str) -> ProcessOutput {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    run(lotline(&arguments).env("LOTLINE__SERVER__DATA_DIR", folder))
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &str) -> String {
    let ended = subcommand(folder, arguments);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{arguments}: {ended:?}");
    ended.stdout.trim().to_owned()
}

/// A folder with an admin, a member and a viewer.
fn with_three_users() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeeds(folder.path(), "tenant create --slug acme --name Acme");
    for (name, role) in [("ann", "admin"), ("bob", "member"), ("vic", "viewer")] {
        succeeds(folder.path(), &format!("user create --tenant acme --username {name} --role {role}"));
    }
    folder
}

fn creation(username: &str, scopes: &str) -> String {
    format!("key create --tenant acme --username {username} --name scraper --scopes {scopes}")
}

#[test]
fn a_key_gets_no_scope_that_its_makers_role_may_not_grant() {
    let folder = with_three_users();
    let data = folder.path();

    for (username, role) in [("bob", "member"), ("vic", "viewer")] {
        let ended = subcommand(data, &creation(username, "events:read,jobs:run,logs:write"));

        let words = format!(
            "lotline: --scopes has jobs:run, logs:write, which the role {role} of {username} may not give to a key; \
             make it for an admin\n"
        );
        assert_eq!((ended.status, ended.stdout.as_str(), ended.stderr), (Some(1), "", words));
    }
    assert_eq!(succeeds(data, "key list --tenant acme").lines().count(), 1, "only the headings");
    succeeds(data, &creation("vic", "events:read"));
    succeeds(data, &creation("ann", "events:read,jobs:run,properties:write,logs:write"));
}

#[test]
fn a_key_is_described_with_its_own_end_its_owner_and_its_scopes() {
    let folder = with_three_users();
    let data = folder.path();
    let key = succeeds(data, &creation("ann", "events:read,jobs:run"));

    let said = succeeds(data, &format!("token check {key}"));

    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, "never ends", "scopes jobs:run,events:read"), "{said}");
    assert!(lines[1].starts_with("API key ") && lines[1].contains("\"scraper\" of user ann ("), "{said}");
    assert!(lines[1].ends_with("of tenant 1"), "{said}");
}
