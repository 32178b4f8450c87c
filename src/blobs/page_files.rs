//! Bodies of kept pages as files of a local folder. They are written whole and are not synced: what a crash of the
//! machine takes is missing, or differs from its hash, and then the page counts as not kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::blocking::blocking;
use super::error::{Error, Result};
use super::local_fs::{FILE_MODE, Folder, join_names, make_folder, names};
use super::page_key::{FOLDER, PageKey};
use crate::base::ids::TenantId;

impl Folder {
    pub(super) async fn put_pages(&self, pages: Vec<(PageKey, Bytes)>) -> Result<()> {
        let root = Arc::clone(&self.root);
        blocking(move || {
            pages.iter().try_for_each(|(key, bytes)| write_whole(&root.join(key.to_string()), bytes))
        })
        .await
    }

    pub(super) async fn read_page(&self, key: &PageKey, length: u64) -> Result<Bytes> {
        let path = self.root.join(key.to_string());
        let read = blocking(move || {
            let file = File::open(&path)?;
            if file.metadata()?.len() != length {
                return Ok(None);
            }
            // As long as the caller has recorded, so it fits.
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(Some(Bytes::from(bytes)))
        });
        read.await?.ok_or_else(|| Error::Lost(format!("{key} does not have {length} bytes")))
    }

    /// Missing ones are no error.
    pub(super) async fn remove_pages(&self, keys: &[PageKey]) -> Result<()> {
        let paths: Vec<PathBuf> = keys.iter().map(|key| self.root.join(key.to_string())).collect();
        blocking(move || paths.iter().try_for_each(|path| remove(path))).await
    }

    /// The bodies of one tenant, or of all.
    pub(super) async fn list_pages(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<BoxStream<'static, Result<PageKey>>> {
        let root = Arc::clone(&self.root);
        let tenants = match tenant {
            Some(tenant) => vec![tenant.to_string()],
            None => names(PathBuf::clone(&root)).await?,
        };
        let folders: Vec<Result<String>> =
            tenants.into_iter().map(|tenant| Ok(format!("{tenant}/{FOLDER}"))).collect();
        let shards = stream::iter(folders).and_then({
            let root = Arc::clone(&root);
            move |folder| {
                let path = root.join(&folder);
                async move { Ok::<_, Error>(join_names(&folder, names(path).await?)) }
            }
        });
        let keys = shards.try_flatten().and_then(move |shard| {
            let path = root.join(&shard);
            async move { Ok::<_, Error>(join_names(&shard, names(path).await?)) }
        });
        let keys = keys.try_flatten().try_filter_map(async |path| Ok(PageKey::parse(&path)));
        Ok(keys.boxed())
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut file = match (options.open(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            make_folder(folder)?;
            options.open(path)?
        }
        (opened, _) => opened?,
    };
    file.write_all(bytes)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
