//! Where a crawl begins: at its targets and the sitemaps of its spider. The known pages of its hosts follow in portions
//! (see `known_pages`).

use std::collections::HashMap;

use url::Url;

use super::job_client::{JobClient, Result};
use crate::crawler::guard::Guard;
use crate::crawler::links::AllowedHosts;
use crate::crawler::page_url;
use crate::domain::frontier::{NewUrl, Worth};

pub(super) struct SeedUrls {
    /// Targets first, in the job's order.
    pub(super) urls: Vec<NewUrl>,
    /// How many of them are targets.
    pub(super) targets: usize,
    /// What is not fetched, and why.
    pub(super) refused: Vec<String>,
}

/// Collects the start pages. A target that is the page of known listings has them, so that it is noticed when it is
/// gone.
pub(super) async fn gather(
    job_client: &JobClient,
    guard: &Guard,
    targets: &[String],
    sitemaps: &[String],
    hosts: &AllowedHosts,
) -> Result<SeedUrls> {
    let mut seeds = SeedUrls { urls: Vec::new(), targets: 0, refused: Vec::new() };
    let mut index = HashMap::new();
    for target in targets {
        match validate(guard, target) {
            Ok(url) => seeds.insert(&mut index, url, Worth::Detail),
            Err(cause) => seeds.refused.push(format!("{target}: {cause}")),
        }
    }
    seeds.targets = seeds.urls.len();
    let urls: Vec<String> = seeds.urls.iter().map(|target| target.url.clone()).collect();
    for known in job_client.known_urls_at(&hosts.names(), &urls).await? {
        if let Some(target) = index.get(&known.url).and_then(|at| seeds.urls.get_mut(*at)) {
            target.known.push((known.source, known.listing_key));
        }
    }
    for sitemap in sitemaps {
        match validate(guard, sitemap) {
            Ok(url) if hosts.allows(&url) => seeds.insert(&mut index, url, Worth::List),
            Ok(_) => seeds.refused.push(format!("{sitemap}: it is on none of the job's hosts")),
            Err(cause) => seeds.refused.push(format!("{sitemap}: {cause}")),
        }
    }
    Ok(seeds)
}

impl SeedUrls {
    /// Adds `url`, unless it is there.
    fn insert(&mut self, index: &mut HashMap<String, usize>, url: Url, worth: Worth) {
        let at = self.urls.len();
        index.entry(String::from(url)).or_insert_with_key(|url| {
            self.urls.push(NewUrl { url: url.clone(), depth: 0, worth, known: Vec::new() });
            at
        });
    }
}

fn validate(guard: &Guard, url: &str) -> std::result::Result<Url, String> {
    let url = Url::parse(url).ok().and_then(page_url::normalise).ok_or("it is no URL of a page")?;
    guard.check(&url).map_err(|refusal| refusal.to_string())?;
    Ok(url)
}
