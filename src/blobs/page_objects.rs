//! Bodies of kept pages as objects of an S3-compatible bucket, each written in one request.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::error::{Error, Result};
use super::page_key::{FOLDER, PageKey};
use super::s3::Bucket;
use crate::base::ids::TenantId;

/// Requests of one batch that are made at the same time.
const AT_ONCE: usize = 8;

impl Bucket {
    pub(super) async fn put_pages(&self, pages: Vec<(PageKey, Bytes)>) -> Result<()> {
        let puts = pages.into_iter().map(|(key, bytes)| {
            let objects = Arc::clone(&self.objects);
            async move {
                objects.put(&path(&key), bytes.into()).await?;
                Ok::<_, Error>(())
            }
        });
        stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    pub(super) async fn read_page(&self, key: &PageKey, length: u64) -> Result<Bytes> {
        let found = self.objects.get(&path(key)).await?;
        if found.meta.size != length {
            return Err(Error::Lost(format!("{key} does not have {length} bytes")));
        }
        Ok(found.bytes().await?)
    }

    /// Missing ones are no error.
    pub(super) async fn remove_pages(&self, keys: &[PageKey]) -> Result<()> {
        let removals: Vec<_> = keys
            .iter()
            .map(|key| {
                let (objects, path) = (Arc::clone(&self.objects), path(key));
                async move {
                    match objects.delete(&path).await {
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                        Err(error) => Err(Error::from(error)),
                    }
                }
            })
            .collect();
        stream::iter(removals).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// The bodies of one tenant, or of all.
    pub(super) async fn list_pages(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<BoxStream<'static, Result<PageKey>>> {
        let tenants = match tenant {
            Some(tenant) => vec![Path::from(tenant.to_string())],
            None => self.objects.list_with_delimiter(None).await?.common_prefixes,
        };
        let objects = Arc::clone(&self.objects);
        let found = stream::iter(tenants)
            .flat_map(move |tenant| objects.list(Some(&Path::from(format!("{tenant}/{FOLDER}")))));
        let keys = found.map_err(Error::from);
        let keys = keys.try_filter_map(async |one: ObjectMeta| Ok(PageKey::parse(one.location.as_ref())));
        Ok(keys.boxed())
    }
}

fn path(key: &PageKey) -> Path {
    Path::from(key.to_string())
}
