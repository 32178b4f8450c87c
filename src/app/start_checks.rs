//! What a start refuses before it opens or creates anything. `lotline config check` reports all of it.

use std::io;
use std::path::{Path, PathBuf};

use super::signing_keys::{self, MissingKeys, has_configured_keys};
use super::start_error::StartError;
use super::{issuers, seal_key};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::config::{ClusterSettings, Settings, Store};

/// Everything in these settings that a start would refuse, as far as that is seen without side effects.
pub(super) fn refusals(settings: &Settings) -> Vec<StartError> {
    let mut refusals: Vec<StartError> =
        cluster_keys(settings).map(|key| StartError::OneNodeOnly { key }).collect();
    let folders = folder_refusals(settings);
    // Keys in a folder that cannot be used are no second fault.
    if folders.is_empty() {
        refusals.extend(check_keys(settings).err());
    }
    refusals.extend(folders);
    refusals
}

/// A node with cluster settings that this version ignores would serve only its own events, so it refuses to start.
pub(super) fn refuse_cluster(settings: &Settings) -> Result<(), StartError> {
    match cluster_keys(settings).next() {
        Some(key) => Err(StartError::OneNodeOnly { key }),
        None => Ok(()),
    }
}

fn cluster_keys(settings: &Settings) -> impl Iterator<Item = &'static str> {
    let keys = [
        ("cluster.url", settings.cluster.url.is_some()),
        ("cluster.prefix", settings.cluster.prefix != ClusterSettings::PREFIX),
    ];
    keys.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key)
}

fn check_keys(settings: &Settings) -> Result<(), StartError> {
    let ring = signing_keys::load(settings, &Clock::system(), Entropy, MissingKeys::Temporary)?;
    issuers::load(&settings.auth, &ring)?;
    seal_key::load(settings, Entropy)?;
    Ok(())
}

/// The folders that can be neither used nor created; not those inside of another one that is refused.
fn folder_refusals(settings: &Settings) -> Vec<StartError> {
    let mut refused: Vec<(PathBuf, io::Error)> = Vec::new();
    for folder in written_folders(settings) {
        if refused.iter().any(|(outer, _)| folder.starts_with(outer)) {
            continue;
        }
        if let Err(cause) = check_writable(&folder) {
            refused.push((folder, cause));
        }
    }
    refused.into_iter().map(|(path, cause)| StartError::Folder { path, cause }).collect()
}

/// The folders in which a start creates files.
fn written_folders(settings: &Settings) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Store::Sqlite { path } = settings.store() {
        folders.extend(path.parent().map(or_current));
    }
    // Existing keys are only read.
    if !has_configured_keys(&settings.auth) && !settings.keys_dir().exists() {
        folders.push(settings.keys_dir());
    }
    if settings.uploads.bucket.is_none() {
        folders.push(settings.uploads_dir());
    }
    folders
}

/// Whether files can be created in the folder, or the folder itself where it does not exist.
fn check_writable(folder: &Path) -> io::Result<()> {
    let Some(existing) = folder.ancestors().map(or_current).find(|ancestor| ancestor.exists()) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    if !existing.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    #[cfg(unix)]
    rustix::fs::access(existing.as_path(), rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?;
    Ok(())
}

/// The path; the current folder for an empty one.
fn or_current(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_be_created_is_accepted_and_nothing_is_created() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("file");
        std::fs::write(&file, "").unwrap();

        assert!(check_writable(&outer.path().join("new/folder")).is_ok());
        assert!(check_writable(&file.join("folder")).is_err());
        assert!(check_writable(Path::new("")).is_ok());
        assert_eq!(std::fs::read_dir(outer.path()).unwrap().count(), 1);
    }
}
