//! Spiders of a tenant. `auto` is everybody's: it is in every list and cannot be changed or removed.

use super::error::Result;
use super::jobs::check::{Faults, list_json};
use super::jobs::view::{json, unreadable};
use super::op::{Deed, Op};
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::page::{Page, PageRequest};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::spider::{AUTO, NewSpider, Runner, Spider, SpiderChange};
use crate::storage::spiders::{self, SpiderRow, SpiderWords};
use crate::storage::{Error, TenantTx, jobs, micros, time};

/// Where `auto` stands in the list: before every stored spider.
const AUTO_KEY: i64 = 0;

pub async fn create(op: &Op, new: NewSpider) -> Result<Spider> {
    op.require(Permission::ManageSpiders)?;
    let mut faults = Faults::default();
    let words = "must have 1 to 100 of A-Z a-z 0-9 _ . -";
    faults.unless(is_name(&new.name), "name", "pattern", words);
    check_lists(&mut faults, &new.start_urls, &new.allowed_hosts);
    faults.refuse()?;
    refuse_auto(&new.name)?;
    let change = op.begin().await?;
    let words = words_of(op, new.runner, new.start_urls, new.allowed_hosts);
    let row = match spiders::insert(&change.tx, &new.name, words).await {
        Err(Error::Duplicate(_)) => return Err(taken()),
        other => other?,
    };
    op.audit(&change.tx, deed("spider.created", &new.name)).await?;
    op.commit(change).await?;
    view(&row)
}

/// `auto` first, then the tenant's own in the order of their making.
pub async fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<Spider, i64>> {
    op.require(Permission::ReadSpiders)?;
    let tx = op.read().await?;
    let rows = spiders::list(&tx, page.after.unwrap_or(AUTO_KEY), page.limit + 1).await?;
    let stored = rows.iter().map(|row| Ok((row.id, view(row)?)));
    let auto = page.after.is_none().then(|| Ok((AUTO_KEY, auto())));
    let all = auto.into_iter().chain(stored).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(all, page.limit, |(key, _)| *key).map(|(_, spider)| spider))
}

pub async fn get(op: &Op, name: &str) -> Result<Spider> {
    op.require(Permission::ReadSpiders)?;
    if name == AUTO {
        return Ok(auto());
    }
    let row = spiders::find(&op.read().await?, name).await?.ok_or_else(Problem::not_found)?;
    view(&row)
}

/// Replaces all of a spider but its name. Jobs that exist keep what they were made with.
pub async fn put(op: &Op, name: &str, new: SpiderChange) -> Result<Spider> {
    op.require(Permission::ManageSpiders)?;
    let mut faults = Faults::default();
    check_lists(&mut faults, &new.start_urls, &new.allowed_hosts);
    faults.refuse()?;
    refuse_auto(name)?;
    let change = op.begin().await?;
    let row = spiders::lock(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    let words = words_of(op, new.runner, new.start_urls, new.allowed_hosts);
    spiders::update(&change.tx, row.id, words).await?;
    op.audit(&change.tx, deed("spider.changed", name)).await?;
    let row = spiders::find(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    op.commit(change).await?;
    view(&row)
}

/// Removes a spider, unless jobs of it are pending or running. Jobs that are over keep its name.
pub async fn delete(op: &Op, name: &str) -> Result<()> {
    op.require(Permission::ManageSpiders)?;
    refuse_auto(name)?;
    let change = op.begin().await?;
    let row = spiders::lock(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    if jobs::any_active_of(&change.tx, name).await? {
        return Err(Problem::new(
            Code::Conflict,
            "The spider has pending or running jobs; cancel them first.",
        ));
    }
    spiders::delete(&change.tx, row.id).await?;
    op.audit(&change.tx, deed("spider.removed", name)).await?;
    op.commit(change).await?;
    Ok(())
}

/// The spider of this name, which stays as it is until the transaction ends.
pub(super) async fn resolve(tx: &TenantTx, name: &str) -> Result<Option<Spider>> {
    if name == AUTO {
        return Ok(Some(auto()));
    }
    if !is_name(name) {
        return Ok(None);
    }
    spiders::share(tx, name).await?.map(|row| view(&row)).transpose()
}

fn auto() -> Spider {
    Spider {
        name: AUTO.to_owned(),
        runner: Runner::Builtin,
        start_urls: Vec::new(),
        allowed_hosts: Vec::new(),
        created_at: None,
        updated_at: None,
    }
}

fn view(row: &SpiderRow) -> Result<Spider> {
    Ok(Spider {
        name: row.name.clone(),
        runner: Runner::named(&row.runner).ok_or_else(|| unreadable(&row.runner))?,
        start_urls: json(&row.start_urls)?,
        allowed_hosts: json(&row.allowed_hosts)?,
        created_at: Some(rfc3339(time(row.created_at))),
        updated_at: Some(rfc3339(time(row.updated_at))),
    })
}

fn words_of<'a>(
    op: &Op,
    runner: Runner,
    start_urls: Option<Vec<String>>,
    allowed_hosts: Option<Vec<String>>,
) -> SpiderWords<'a> {
    SpiderWords {
        runner: runner.name(),
        start_urls: list_json(&start_urls.unwrap_or_default()),
        allowed_hosts: list_json(&allowed_hosts.unwrap_or_default()),
        now: micros(op.now()),
    }
}

fn check_lists(faults: &mut Faults, start_urls: &Option<Vec<String>>, allowed_hosts: &Option<Vec<String>>) {
    faults.urls("start_urls", start_urls.as_deref().unwrap_or_default());
    faults.hosts("allowed_hosts", allowed_hosts.as_deref().unwrap_or_default());
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=100).contains(&name.len()) && name.bytes().all(allowed)
}

fn refuse_auto(name: &str) -> Result<()> {
    if name == AUTO {
        return Err(Problem::new(Code::Conflict, "`auto` is every tenant's own; choose another name."));
    }
    Ok(())
}

fn taken() -> Problem {
    Problem::new(Code::Conflict, "A spider of this name exists; change it, or choose another name.")
}

fn deed(action: &'static str, name: &str) -> Deed {
    Deed { action, target_kind: "spider", target_id: name.to_owned(), detail: None }
}
