//! Where a crawl begins: at its targets, and at the pages of listings that are known on its hosts, so that one that is
//! gone is noticed.

use std::collections::HashMap;

use url::Url;

use super::desk::{Desk, Result};
use crate::crawler::guard::Guard;
use crate::crawler::links::{self, AllowedHosts};
use crate::domain::frontier::NewPlace;

/// Known pages that are read at a time.
const READ: u64 = 1_000;

pub(super) struct Seeds {
    /// Targets first, in the job's order.
    pub(super) places: Vec<NewPlace>,
    /// How many of them are there because they are known.
    pub(super) known: usize,
    /// What is not fetched, and why.
    pub(super) refused: Vec<String>,
}

/// Gathers the seeds; at most `most_known` known pages.
pub(super) async fn gather(
    desk: &Desk,
    guard: &Guard,
    targets: &[String],
    hosts: &AllowedHosts,
    most_known: usize,
) -> Result<Seeds> {
    let mut seeds = Seeds { places: Vec::new(), known: 0, refused: Vec::new() };
    let mut index = HashMap::new();
    for target in targets {
        match accept(guard, target) {
            Ok(url) => drop(seeds.place(&mut index, url)),
            Err(cause) => seeds.refused.push(format!("{target}: {cause}")),
        }
    }
    let targets = seeds.places.len();
    let (names, mut after) = (hosts.names(), None);
    loop {
        let known = desk.known(&names, after, READ).await?;
        let Some(last) = known.last() else { break };
        after = Some(last.property_id);
        for page in known {
            let Some(url) = accept(guard, &page.url).ok().filter(|url| hosts.allows(url)) else { continue };
            let is_new = !index.contains_key(url.as_str());
            if is_new && seeds.places.len() - targets >= most_known {
                continue;
            }
            let at = seeds.place(&mut index, url);
            seeds.places[at].known.push((page.source, page.listing_key));
        }
    }
    seeds.known = seeds.places.len() - targets;
    Ok(seeds)
}

impl Seeds {
    /// The index of the place of `url`, which is made when there is none.
    fn place(&mut self, index: &mut HashMap<String, usize>, url: Url) -> usize {
        *index.entry(String::from(url)).or_insert_with_key(|url| {
            self.places.push(NewPlace { url: url.clone(), depth: 0, known: Vec::new() });
            self.places.len() - 1
        })
    }
}

fn accept(guard: &Guard, url: &str) -> std::result::Result<Url, String> {
    let url = Url::parse(url).ok().and_then(links::normalise).ok_or("it is no URL of a page")?;
    guard.check(&url).map_err(|refusal| refusal.to_string())?;
    Ok(url)
}
