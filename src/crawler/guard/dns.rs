//! Name look-up that returns checked addresses only. The HTTP client connects to what this returns and resolves names
//! in no other way, so a name that changes between check and connect (DNS rebinding) gains nothing.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::target::{Reach, check_address};

/// The answer to a look-up, later.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a host name into addresses. Production asks the system; a test asks a server of its own.
pub trait Resolver: Send + Sync + 'static {
    fn lookup<'a>(&'a self, host: &'a str) -> Lookup<'a>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn lookup<'a>(&'a self, host: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Addresses of one name that are tried at most.
const MAX_ADDRESSES: usize = 16;

/// A resolver for the HTTP client that refuses a name with any address that is not public.
#[derive(Clone)]
pub struct GuardedResolver {
    resolver: Arc<dyn Resolver>,
    reach: Reach,
}

impl GuardedResolver {
    /// With [`Reach::AllowedPrivate`] addresses are not checked: only for a client that fetches no other hosts.
    pub fn new(resolver: Arc<dyn Resolver>, reach: Reach) -> Self {
        Self { resolver, reach }
    }

    async fn resolve_checked(self, host: String) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let mut addresses = self.resolver.lookup(&host).await?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        // One bad address among good ones is an attack or a mistake, never a public site: the whole name is refused.
        if self.reach == Reach::Public {
            addresses.iter().try_for_each(|address| check_address(*address))?;
        }
        addresses.truncate(MAX_ADDRESSES);
        // Port 0 means "the URL's port".
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect())
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = self.clone().resolve_checked(name.as_str().to_owned());
        Box::pin(async move { checked.await.map(|found| Box::new(found.into_iter()) as Addrs) })
    }
}
