//! A node's files are readable by its own user only, whatever the umask at its start.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::binary::{Server, clear_environment, run, serve_in};
use crate::support::raw::RawConnection;

/// Everything in a folder, including the folder.
fn all_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(all_in(&path)) } else { found.push(path) }
    }
    found
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_data_folder_and_all_in_it_are_for_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000 && exec \"$0\" serve", env!("CARGO_BIN_EXE_lotline")]);
    clear_environment(&mut command);
    command.env("LOTLINE__SERVER__BIND", "127.0.0.1:0").env("LOTLINE__SERVER__DATA_DIR", &data);

    let server = Server::start(&mut command);
    let mut raw = RawConnection::connect(server.address).await;
    raw.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(raw.response().await.unwrap().status, 200);

    let wide: Vec<_> = all_in(&data).into_iter().filter(|path| mode(path) & 0o077 != 0).collect();
    assert_eq!(wide, Vec::<PathBuf>::new());
    assert_eq!(mode(&data), 0o700);
    assert!(all_in(&data).iter().any(|path| path.ends_with("lotline.db")), "the store is among them");
}

#[tokio::test]
async fn a_data_folder_that_is_wider_is_named_with_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // The port is taken, so the process ends after its warnings.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();

    let ended =
        run(serve_in(folder.path()).env("LOTLINE__SERVER__BIND", taken.local_addr().unwrap().to_string()));

    let line = ended.stderr.lines().find(|line| line.contains("other users of this machine may read it"));
    let line = line.unwrap_or_else(|| panic!("no warning in {}", ended.stderr));
    assert!(line.contains("0755") && line.contains(&folder.path().display().to_string()), "{line}");
}
