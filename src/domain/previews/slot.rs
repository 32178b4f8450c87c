//! What previews share on a node: the page reader, which the crawler gives, and how many previews run at once.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::page_reader::PageReader;
use crate::base::fair_semaphore::{FairPermit, FairSemaphore};
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::protocol::problem::{Code, Problem};

/// Previews of all tenants at once.
pub const AT_ONCE: usize = 8;
/// Previews of one tenant at once.
pub const OF_A_TENANT: usize = 1;
/// Seconds after which a refused preview is worth another try.
const RETRY_AFTER: u32 = 5;

/// The page reader of this node and the permits of its previews.
pub struct Previews {
    /// Weak: the reader has the services, which have this.
    reader: Mutex<Option<Weak<dyn PageReader>>>,
    permits: FairSemaphore<TenantId>,
}

/// Held while a preview runs.
pub struct PreviewPermit {
    _permit: FairPermit<TenantId>,
}

impl Default for Previews {
    /// Without a reader, and without a queue: what does not run at once is refused.
    fn default() -> Self {
        Self { reader: Mutex::default(), permits: FairSemaphore::shared(AT_ONCE, OF_A_TENANT, 0) }
    }
}

impl Previews {
    /// Pages are read by this one from now on, as long as it lives.
    pub fn set_reader(&self, reader: &Arc<dyn PageReader>) {
        *self.reader.lock() = Some(Arc::downgrade(reader));
    }

    /// The page reader; `None` where the built-in crawler does not run.
    pub fn reader(&self) -> Option<Arc<dyn PageReader>> {
        self.reader.lock().as_ref().and_then(Weak::upgrade)
    }

    /// The page reader, else a refusal with 503.
    pub fn require_reader(&self) -> Result<Arc<dyn PageReader>> {
        let words = "The built-in crawler does not run on this node, so it reads no page.";
        self.reader().ok_or_else(|| Problem::new(Code::Unavailable, words).retry_after(RETRY_AFTER))
    }

    /// Refuses with 429 when as many run as may. It never waits.
    pub async fn acquire(&self, tenant: TenantId) -> Result<PreviewPermit> {
        let permit = self.permits.acquire(tenant).await.map_err(|_| {
            let words = format!(
                "As many previews run as may at once: {OF_A_TENANT} of a tenant, {AT_ONCE} of all on this node."
            );
            Problem::new(Code::RateLimited, words).retry_after(RETRY_AFTER)
        })?;
        Ok(PreviewPermit { _permit: permit })
    }
}

impl fmt::Debug for Previews {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Previews").field("has_reader", &self.reader().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::domain::kept_pages::page::KeptBody;
    use crate::domain::previews::page_reader::{PreviewRequest, ReadFields};
    use crate::protocol::preview::Preview;
    use crate::protocol::spider_rules::SpiderRules;

    struct NoPages;

    impl PageReader for NoPages {
        fn preview<'a>(&'a self, _: TenantId, _: &'a PreviewRequest) -> BoxFuture<'a, Result<Preview>> {
            async { Err(Problem::internal()) }.boxed()
        }

        fn read_kept<'a>(
            &'a self,
            _: TenantId,
            _: &'a KeptBody,
            _: &'a SpiderRules,
        ) -> BoxFuture<'a, Option<ReadFields>> {
            async { None }.boxed()
        }
    }

    #[tokio::test]
    async fn a_tenant_has_one_preview_at_a_time_and_others_have_theirs() {
        let previews = Previews::default();
        let first = previews.acquire(TenantId(1)).await.unwrap();

        let refused = previews.acquire(TenantId(1)).await.err().unwrap();

        assert_eq!((refused.code, refused.retry_after), (Code::RateLimited, Some(RETRY_AFTER)));
        assert!(previews.acquire(TenantId(2)).await.is_ok());
        drop(first);
        assert!(previews.acquire(TenantId(1)).await.is_ok());
    }

    #[tokio::test]
    async fn all_tenants_together_have_the_share_of_the_node() {
        let previews = Previews::default();
        let mut held = Vec::new();
        for tenant in 0..AT_ONCE {
            held.push(previews.acquire(TenantId(tenant as i64)).await.unwrap());
        }

        assert!(previews.acquire(TenantId(100)).await.is_err());
        drop(held.pop());
        assert!(previews.acquire(TenantId(100)).await.is_ok());
    }

    #[test]
    fn without_a_crawler_there_is_no_reader_and_one_that_ended_is_none() {
        let previews = Previews::default();
        assert_eq!(previews.require_reader().err().unwrap().code, Code::Unavailable);

        let reader: Arc<dyn PageReader> = Arc::new(NoPages);
        previews.set_reader(&reader);
        assert!(previews.require_reader().is_ok());

        drop(reader);
        assert!(previews.reader().is_none());
    }
}
