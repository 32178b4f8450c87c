//! Files that exist completely or not at all, also after a power cut.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::base::entropy::Entropy;

/// A new file beside `target` that only its owner may read. It is removed if dropped before it is persisted.
pub(super) struct AtomicFile {
    path: PathBuf,
    persisted: bool,
}

impl AtomicFile {
    /// Makes the file, empty.
    pub(super) fn create_beside(target: &Path, entropy: Entropy) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = folder_of(target).join(format!(".{name}.{:016x}", entropy.below(u64::MAX)));
        create_private(&path)?;
        Ok(Self { path, persisted: false })
    }

    /// Removes temporary files for `target` that were never persisted, and SQLite's files beside them. The caller
    /// must know that no other process is creating one.
    pub(super) fn remove_stale(target: &Path) -> io::Result<()> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        for entry in std::fs::read_dir(folder_of(target))? {
            let entry = entry?;
            if is_temp_name(&entry.file_name().to_string_lossy(), &name) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file and renames it to `target`, replacing what is there. Killed at any line, `target` is the old
    /// file or this one.
    pub(super) fn persist(mut self, target: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        std::fs::rename(&self.path, target)?;
        self.persisted = true;
        sync_folder(target)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.persisted {
            // A file that can't be removed is hidden and never read.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether a name is that of a temporary file for `target`, or of a file that SQLite keeps beside one.
fn is_temp_name(name: &str, target: &str) -> bool {
    let Some(rest) = name.strip_prefix('.').and_then(|rest| rest.strip_prefix(target)) else { return false };
    let Some((digits, beside)) = rest.strip_prefix('.').and_then(|rest| rest.split_at_checked(16)) else {
        return false;
    };
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        && ["", "-journal", "-wal", "-shm"].contains(&beside)
}

/// Copies `from` over the bytes of `to`.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).truncate(true).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.flush()
}

/// Gives `path` a second name, so that replacing it keeps this file. On file systems without hard links it is copied.
pub(super) fn link_or_copy(path: &Path, aside: &Path) -> io::Result<()> {
    if std::fs::hard_link(path, aside).is_err() {
        create_private(aside)?;
        copy(path, aside)?;
        File::open(aside)?.sync_all()?;
    }
    sync_folder(aside)
}

/// Syncs the folder of `path`, so that names in it last like the files.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::is_temp_name;

    #[test]
    fn only_temporary_files_of_the_same_target_are_stale() {
        let is_one = |name| is_temp_name(name, "lotline.db");

        assert!(is_one(".lotline.db.0123456789abcdef") && is_one(".lotline.db.0123456789abcdef-journal"));
        for other in [
            "lotline.db",
            "lotline.db.0123456789abcdef",
            ".lotline.db",
            ".lotline.db.0123456789abcde",
            ".lotline.db.0123456789abcdefg",
            ".lotline.db.lock",
            ".other.db.0123456789abcdef",
            ".lotline.db.ééééééééé",
        ] {
            assert!(!is_one(other), "{other}");
        }
    }
}
