//! Blobs as files of a local folder. A file is written in place; a checkpoint is on disk when it is returned.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};

use super::blocking::blocking;
use super::checkpoint::Checkpoint;
use super::error::{Error, Result};
use super::hash::BlobHash;
use super::key::BlobKey;

/// Bytes per read: what one download holds in memory.
const CHUNK_BYTES: u64 = 64 * 1024;
/// Only the server's own user reads and writes the uploaded files.
pub(super) const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

pub(super) struct Folder {
    pub(super) root: Arc<PathBuf>,
}

/// A file that is being written.
pub(super) struct FileWriter {
    file: Arc<File>,
    length: u64,
    pub(super) hash: BlobHash,
    /// The parent folders to be synced, until the file's directory entry is on disk too.
    unsynced: Vec<PathBuf>,
}

impl Folder {
    pub(super) fn open(root: PathBuf) -> Result<Self> {
        make_folder(&root)?;
        Ok(Self { root: Arc::new(root) })
    }

    pub(super) async fn check(&self) -> Result<()> {
        let path = self.root.join(".writable");
        blocking(move || {
            let mut file = File::create(&path)?;
            file.write_all(b"writable")?;
            fs::remove_file(&path)
        })
        .await
    }

    pub(super) async fn begin(&self, key: &BlobKey) -> Result<FileWriter> {
        let (root, path) = (Arc::clone(&self.root), self.path(key));
        blocking(move || {
            let folders: Vec<PathBuf> = path.ancestors().skip(1).take(3).map(Path::to_path_buf).collect();
            make_folder(path.parent().unwrap_or(&root))?;
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create_new(true).mode(FILE_MODE).open(&path)?;
            let hash = BlobHash::default();
            Ok(FileWriter { file: Arc::new(file), length: 0, hash, unsynced: folders })
        })
        .await
    }

    pub(super) async fn resume(&self, key: &BlobKey, from: &Checkpoint) -> Result<FileWriter> {
        let (path, stored) = (self.path(key), from.stored);
        let hash = BlobHash::from_state(&from.hash_state)?;
        let opened = blocking(move || {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            let length = file.metadata()?.len();
            if length > stored {
                file.set_len(stored)?;
            }
            Ok((file, length))
        });
        let (file, length) = match opened.await {
            // Begun, but the name was not on disk yet before a crash, and nothing was confirmed.
            Err(Error::Missing) if stored == 0 => return self.begin(key).await,
            other => other?,
        };
        if length < stored {
            return Err(Error::Lost(format!("{key} has {length} bytes where {stored} were stored")));
        }
        Ok(FileWriter { file: Arc::new(file), length: stored, hash, unsynced: Vec::new() })
    }

    pub(super) async fn read(
        &self,
        key: &BlobKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let path = self.path(key);
        let file = Arc::new(blocking(move || File::open(&path)).await?);
        let pieces = stream::try_unfold((file, range), async |(file, range)| {
            if range.is_empty() {
                return Ok(None);
            }
            let length = CHUNK_BYTES.min(range.end - range.start);
            let (reader, start) = (Arc::clone(&file), range.start);
            let piece = blocking(move || {
                // At most `CHUNK_BYTES`, so it fits.
                let mut piece = vec![0; length as usize];
                reader.read_exact_at(&mut piece, start)?;
                Ok(Bytes::from(piece))
            });
            Ok(Some((piece.await?, (file, start + length..range.end))))
        });
        Ok(pieces.boxed())
    }

    pub(super) async fn remove(&self, key: &BlobKey) -> Result<()> {
        let path = self.path(key);
        match blocking(move || fs::remove_file(&path)).await {
            Ok(()) | Err(Error::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Searches two levels of folders; files with another form of name are ignored.
    pub(super) async fn list(&self) -> Result<BoxStream<'static, Result<BlobKey>>> {
        let root = Arc::clone(&self.root);
        let tenants = names(PathBuf::clone(&root)).await?;
        let shards = stream::iter(tenants).then({
            let root = Arc::clone(&root);
            move |tenant| {
                let folder = root.join(&tenant);
                async move { Ok::<_, Error>(join_names(&tenant, names(folder).await?)) }
            }
        });
        let keys = shards.try_flatten().and_then(move |shard| {
            let folder = root.join(&shard);
            async move { Ok::<_, Error>(join_names(&shard, names(folder).await?)) }
        });
        let keys = keys.try_flatten().try_filter_map(async |path| Ok(BlobKey::parse(&path)));
        Ok(keys.boxed())
    }

    fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.to_string())
    }
}

impl FileWriter {
    pub(super) async fn append(&mut self, bytes: Bytes) -> Result<()> {
        let (file, at, length) = (Arc::clone(&self.file), self.length, bytes.len() as u64);
        let mut hash = self.hash.clone();
        self.hash = blocking(move || {
            file.write_all_at(&bytes, at)?;
            hash.update(&bytes);
            Ok(hash)
        })
        .await?;
        self.length += length;
        Ok(())
    }

    pub(super) async fn checkpoint(&mut self) -> Result<Checkpoint> {
        let (file, folders) = (Arc::clone(&self.file), std::mem::take(&mut self.unsynced));
        let again = folders.clone();
        let synced = blocking(move || {
            file.sync_data()?;
            folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
        });
        if let Err(error) = synced.await {
            self.unsynced = again;
            return Err(error);
        }
        Ok(Checkpoint { stored: self.length, hash_state: self.hash.serialize_state(), progress: None })
    }
}

pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// The names in a folder; none if it was removed meanwhile.
pub(super) async fn names(folder: PathBuf) -> Result<Vec<String>> {
    let read = blocking(move || {
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default())).collect()
    });
    match read.await {
        Err(Error::Missing) => Ok(Vec::new()),
        other => other,
    }
}

pub(super) fn join_names(folder: &str, names: Vec<String>) -> impl Stream<Item = Result<String>> + use<> {
    let paths: Vec<Result<String>> = names.into_iter().map(|name| Ok(format!("{folder}/{name}"))).collect();
    stream::iter(paths)
}
