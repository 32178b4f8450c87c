//! File modes: everything that a node writes is for its own user only: data of every tenant, hashes of passwords,
//! keys.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::{Settings, Store};

/// New files of this process get no rights for group and others.
pub(super) fn set_private_umask() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Writes a file that only its owner can read, all of it or nothing: a truncated key must not be found at the next
/// start.
pub(super) fn write_privately(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Warns about folders and files that another program or an earlier version created with wider modes.
pub(super) fn warn_wide_modes(settings: &Settings) {
    for (path, mode) in wide_paths(settings) {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:04o}"),
            "other users of this machine may read it; remove their rights (chmod go=)"
        );
    }
}

/// Checks the folders themselves and their direct entries: inside of a private folder, modes do not matter.
fn wide_paths(settings: &Settings) -> Vec<(PathBuf, u32)> {
    let data = &settings.server.data_dir;
    // The start fails with an error about this; the mode of the file there is not this program's concern.
    if data.exists() && !data.is_dir() {
        return Vec::new();
    }
    let mut folders = vec![data.clone(), settings.keys_dir(), settings.uploads_dir()];
    let mut files = Vec::new();
    if let Store::Sqlite { path } = settings.store() {
        let with = |end: &str| PathBuf::from(format!("{}{end}", path.display()));
        files.extend([path.clone(), with("-wal"), with("-shm"), with(".lock"), with(".server.lock")]);
    }
    for folder in ["backups", "exports"] {
        folders.push(data.join(folder));
    }
    for folder in &folders {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let inside = entries.flatten().take(MOST_LOOKED_AT).map(|entry| entry.path());
        files.extend(inside.filter(|path| path.is_file()));
    }
    folders.extend(files);
    folders.sort();
    folders.dedup();
    folders
        .into_iter()
        .filter_map(|path| Some((mode_beyond_owner(&path)?, path)))
        .map(|(mode, path)| (path, mode))
        .collect()
}

/// The most entries of a folder that are checked; uploads may be many.
const MOST_LOOKED_AT: usize = 1000;

/// The mode, if it has rights for others than the owner.
fn mode_beyond_owner(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn wide_folders_and_files_are_named_with_their_mode() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let make = |path: &Path, mode| {
            std::fs::write(path, "x").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        std::fs::create_dir_all(data.join("keys")).unwrap();
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(data.join("keys"), std::fs::Permissions::from_mode(0o700)).unwrap();
        make(&data.join("lotline.db"), 0o644);
        make(&data.join("lotline.db-wal"), 0o600);
        make(&data.join("keys/signing.key"), 0o640);

        let wide = wide_paths(&settings_with(&data));

        let expected =
            [(data.clone(), 0o755), (data.join("keys/signing.key"), 0o640), (data.join("lotline.db"), 0o644)];
        assert_eq!(wide, expected);
    }

    #[test]
    fn a_file_in_place_of_the_data_folder_causes_no_mode_warning() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::write(&data, "a file").unwrap();
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o644)).unwrap();

        assert!(wide_paths(&settings_with(&data)).is_empty());
    }

    fn settings_with(data: &Path) -> Settings {
        let name = "LOTLINE__SERVER__DATA_DIR".to_owned();
        Settings::load(None, [(name, data.display().to_string())].into_iter()).unwrap()
    }
}
