//! Where a crawl begins: at its targets, and at the known pages of listings on its hosts, so that removed listings
//! are noticed.

use std::collections::HashMap;

use url::Url;

use super::job_client::{JobClient, Result};
use crate::crawler::guard::Guard;
use crate::crawler::links::AllowedHosts;
use crate::crawler::page_url;
use crate::domain::frontier::NewUrl;

/// Known pages that are read from the store at a time.
const READ_BATCH: u64 = 1_000;

pub(super) struct SeedUrls {
    /// Targets first, in the job's order.
    pub(super) urls: Vec<NewUrl>,
    /// How many of them are known pages.
    pub(super) known_count: usize,
    /// What is not fetched, and why.
    pub(super) refused: Vec<String>,
}

/// Collects the start pages; at most `most_known` known pages.
pub(super) async fn gather(
    job_client: &JobClient,
    guard: &Guard,
    targets: &[String],
    hosts: &AllowedHosts,
    most_known: usize,
) -> Result<SeedUrls> {
    let mut seeds = SeedUrls { urls: Vec::new(), known_count: 0, refused: Vec::new() };
    let mut index = HashMap::new();
    for target in targets {
        match validate(guard, target) {
            Ok(url) => drop(seeds.index_of_or_insert(&mut index, url)),
            Err(cause) => seeds.refused.push(format!("{target}: {cause}")),
        }
    }
    let targets = seeds.urls.len();
    let (names, mut after) = (hosts.names(), None);
    loop {
        let known = job_client.known_urls(&names, after, READ_BATCH).await?;
        let Some(last) = known.last() else { break };
        after = Some(last.property_id);
        for page in known {
            let Some(url) = validate(guard, &page.url).ok().filter(|url| hosts.allows(url)) else { continue };
            let is_new = !index.contains_key(url.as_str());
            if is_new && seeds.urls.len() - targets >= most_known {
                continue;
            }
            let at = seeds.index_of_or_insert(&mut index, url);
            seeds.urls[at].known.push((page.source, page.listing_key));
        }
    }
    seeds.known_count = seeds.urls.len() - targets;
    Ok(seeds)
}

impl SeedUrls {
    /// The index of the entry of `url`, which is created when there is none.
    fn index_of_or_insert(&mut self, index: &mut HashMap<String, usize>, url: Url) -> usize {
        *index.entry(String::from(url)).or_insert_with_key(|url| {
            self.urls.push(NewUrl { url: url.clone(), depth: 0, known: Vec::new() });
            self.urls.len() - 1
        })
    }
}

fn validate(guard: &Guard, url: &str) -> std::result::Result<Url, String> {
    let url = Url::parse(url).ok().and_then(page_url::normalise).ok_or("it is no URL of a page")?;
    guard.check(&url).map_err(|refusal| refusal.to_string())?;
    Ok(url)
}
