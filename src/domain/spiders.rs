//! Spiders of a tenant. `auto` exists in every tenant: it is in every list and cannot be changed or removed.

use super::error::Result;
use super::idempotency::{AnswerSubject, Begin};
use super::jobs::validation::{FieldErrors, ensure_valid, list_json};
use super::jobs::view::{json, unreadable};
use super::op::{AuditEntry, Op};
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::page::{Page, PageRequest};
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::protocol::spider::{AUTO, NewSpider, Runner, Spider, SpiderInput};
use crate::storage::spiders::{self, SpiderFields, SpiderRow};
use crate::storage::{BoundedRows, Error, TenantTx, jobs, micros, time};

/// The key of `auto` in the list: before every stored spider.
const AUTO_KEY: i64 = 0;

/// Checks the current spider with the row locked: a precondition of the request.
pub type Precondition<'a> = &'a (dyn Fn(&Spider) -> Result<()> + Sync);

pub async fn create(op: &Op, new: NewSpider) -> Result<Spider> {
    op.require(Permission::ManageSpiders)?;
    ensure_valid(validate_new(&new))?;
    refuse_auto(&new.name)?;
    let change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let name = new.name.clone();
    let row = match spiders::insert(&change.tx, &name, columns_of(op, new.into())).await {
        Err(Error::Duplicate(_)) => return Err(taken()),
        other => other?,
    };
    op.audit(&change.tx, audit_entry("spider.created", &name)).await?;
    op.commit_idempotent_about(change, &AnswerSubject::spider(&name), |_| view(&row)).await
}

/// `auto` first, then the tenant's own in the order of creation.
pub async fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<Spider, i64>> {
    op.require(Permission::ReadSpiders)?;
    let tx = op.read().await?;
    let BoundedRows { rows, is_cut } =
        spiders::list(&tx, page.after.unwrap_or(AUTO_KEY), page.limit + 1).await?;
    let stored = rows.iter().map(|row| Ok((row.id, view(row)?)));
    let auto = page.after.is_none().then(|| Ok((AUTO_KEY, auto())));
    let all = auto.into_iter().chain(stored).collect::<Result<Vec<_>>>()?;
    Ok(Page::from_bounded(all, is_cut, page.limit, |(key, _)| *key).map(|(_, spider)| spider))
}

pub async fn get(op: &Op, name: &str) -> Result<Spider> {
    op.require(Permission::ReadSpiders)?;
    if name == AUTO {
        return Ok(auto());
    }
    require_valid_name(name)?;
    let row = spiders::find(&op.read().await?, name).await?.ok_or_else(Problem::not_found)?;
    view(&row)
}

/// Replaces all of a spider but its name. Existing jobs keep what they were created with.
pub async fn put(op: &Op, name: &str, new: SpiderInput, precondition: Precondition<'_>) -> Result<Spider> {
    op.require(Permission::ManageSpiders)?;
    ensure_valid(validate_change(&new))?;
    refuse_auto(name)?;
    require_valid_name(name)?;
    let change = op.begin().await?;
    let row = spiders::lock(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    precondition(&view(&row)?)?;
    spiders::update(&change.tx, row.id, columns_of(op, new)).await?;
    op.audit(&change.tx, audit_entry("spider.changed", name)).await?;
    let row = spiders::find(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    op.commit(change).await?;
    view(&row)
}

/// Removes a spider, unless jobs of it are pending or running. Ended jobs keep its name.
pub async fn delete(op: &Op, name: &str, precondition: Precondition<'_>) -> Result<()> {
    op.require(Permission::ManageSpiders)?;
    refuse_auto(name)?;
    require_valid_name(name)?;
    let change = op.begin().await?;
    let row = spiders::lock(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    precondition(&view(&row)?)?;
    if jobs::any_active_of(&change.tx, name).await? {
        return Err(Problem::new(
            Code::Conflict,
            "The spider has pending or running jobs; cancel them first.",
        ));
    }
    spiders::delete(&change.tx, row.id).await?;
    AnswerSubject::spider(name).clear_answers(&change.tx).await?;
    op.audit(&change.tx, audit_entry("spider.removed", name)).await?;
    op.commit(change).await?;
    Ok(())
}

/// The spider of this name, locked against changes until the transaction ends.
pub(super) async fn resolve(tx: &TenantTx, name: &str) -> Result<Option<Spider>> {
    if name == AUTO {
        return Ok(Some(auto()));
    }
    if !is_valid_name(name) {
        return Ok(None);
    }
    spiders::lock_shared(tx, name).await?.map(|row| view(&row)).transpose()
}

fn auto() -> Spider {
    Spider {
        name: AUTO.to_owned(),
        runner: Runner::Builtin,
        start_urls: Vec::new(),
        allowed_hosts: Vec::new(),
        list_items: Some(false),
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
        list_items: Some(row.list_items),
        created_at: Some(rfc3339(time(row.created_at))),
        updated_at: Some(rfc3339(time(row.updated_at))),
    })
}

fn columns_of<'a>(op: &Op, new: SpiderInput) -> SpiderFields<'a> {
    SpiderFields {
        runner: new.runner.name(),
        start_urls: list_json(&new.start_urls.unwrap_or_default()),
        allowed_hosts: list_json(&new.allowed_hosts.unwrap_or_default()),
        list_items: new.list_items.unwrap_or_default(),
        now: micros(op.now()),
    }
}

impl From<NewSpider> for SpiderInput {
    /// All but the name.
    fn from(new: NewSpider) -> Self {
        let NewSpider { name: _, runner, start_urls, allowed_hosts, list_items } = new;
        Self { runner, start_urls, allowed_hosts, list_items }
    }
}

/// All invalid fields of a new spider.
pub fn validate_new(new: &NewSpider) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    let words = "must have 1 to 100 of A-Z a-z 0-9 _ . -, and not be `.` or `..`";
    faults.require(is_valid_name(&new.name), "name", "pattern", words);
    check_lists(&mut faults, &new.start_urls, &new.allowed_hosts);
    faults.into_errors()
}

/// All invalid fields of a changed spider.
pub fn validate_change(new: &SpiderInput) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    check_lists(&mut faults, &new.start_urls, &new.allowed_hosts);
    faults.into_errors()
}

fn check_lists(
    faults: &mut FieldErrors,
    start_urls: &Option<Vec<String>>,
    allowed_hosts: &Option<Vec<String>>,
) {
    faults.urls("start_urls", start_urls.as_deref().unwrap_or_default());
    faults.hosts("allowed_hosts", allowed_hosts.as_deref().unwrap_or_default());
}

pub(super) fn is_valid_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    // `.` and `..` are steps in a path: a client's URL parser would remove them.
    (1..=100).contains(&name.len()) && name.bytes().all(allowed) && !matches!(name, "." | "..")
}

/// No spider has another name, and not every database accepts every text in a query.
fn require_valid_name(name: &str) -> Result<()> {
    if is_valid_name(name) { Ok(()) } else { Err(Problem::not_found()) }
}

fn refuse_auto(name: &str) -> Result<()> {
    if name == AUTO {
        let errors = vec![FieldError::taken(&["name"], "is the name of every tenant's own spider")];
        return Err(Problem::conflict_of("`auto` is every tenant's own; choose another name.", errors));
    }
    Ok(())
}

fn taken() -> Problem {
    let errors = vec![FieldError::taken(&["name"], "is the name of another spider")];
    Problem::conflict_of("A spider of this name exists; change it, or choose another name.", errors)
}

fn audit_entry(action: &'static str, name: &str) -> AuditEntry {
    AuditEntry { action, target_kind: "spider", target_id: name.to_owned(), detail: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::{KeyScope, Role};
    use crate::domain::jobs::queue::create as create_job;
    use crate::domain::testing::World;
    use crate::protocol::job::NewJob;

    fn spider(name: &str) -> NewSpider {
        let start_urls = Some(vec!["https://portal.example.com/".to_owned()]);
        NewSpider {
            name: name.to_owned(),
            runner: Runner::External,
            start_urls,
            allowed_hosts: None,
            list_items: None,
        }
    }

    fn always(_: &Spider) -> Result<()> {
        Ok(())
    }

    fn change() -> SpiderInput {
        let hosts = Some(vec!["cdn.example.com".to_owned()]);
        SpiderInput {
            runner: Runner::Builtin,
            start_urls: None,
            allowed_hosts: hosts,
            list_items: Some(true),
        }
    }

    async fn names(op: &Op, limit: u64, after: Option<i64>) -> (Vec<String>, Option<i64>) {
        let page = list(op, PageRequest { limit, after }).await.unwrap();
        (page.rows.into_iter().map(|spider| spider.name).collect(), page.next)
    }

    #[tokio::test]
    async fn auto_is_in_every_list_and_stays_as_it_is() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        for name in ["b", "a"] {
            create(&admin, spider(name)).await.unwrap();
        }

        let (first, next) = names(&admin, 2, None).await;
        let (second, end) = names(&admin, 2, next).await;
        let (alone, next) = names(&admin, 1, None).await;
        let (after_auto, _) = names(&admin, 1, next).await;

        assert_eq!([first, second].concat(), ["auto", "b", "a"]);
        assert_eq!(end, None);
        assert_eq!([alone, after_auto].concat(), ["auto", "b"]);
        assert_eq!(get(&admin, AUTO).await.unwrap().runner, Runner::Builtin);
        assert_eq!(create(&admin, spider(AUTO)).await.unwrap_err().code, Code::Conflict);
        assert_eq!(put(&admin, AUTO, change(), &always).await.unwrap_err().code, Code::Conflict);
        assert_eq!(delete(&admin, AUTO, &always).await.unwrap_err().code, Code::Conflict);
    }

    #[tokio::test]
    async fn a_name_is_unique_in_the_tenant_and_free_in_another() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let other = world.another_tenant().await;
        let stranger = world.user_in(other, "eve", Role::Admin).await;
        create(&admin, spider("portal")).await.unwrap();

        assert_eq!(create(&admin, spider("portal")).await.unwrap_err().code, Code::Conflict);
        assert_eq!(get(&stranger, "portal").await.unwrap_err().code, Code::NotFound);
        assert_eq!(put(&stranger, "portal", change(), &always).await.unwrap_err().code, Code::NotFound);
        assert_eq!(delete(&stranger, "portal", &always).await.unwrap_err().code, Code::NotFound);
        create(&stranger, spider("portal")).await.unwrap();
    }

    #[tokio::test]
    async fn a_change_replaces_all_but_the_name() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        create(&admin, spider("portal")).await.unwrap();

        let changed = put(&admin, "portal", change(), &always).await.unwrap();

        assert_eq!(changed.runner, Runner::Builtin);
        assert_eq!(changed.start_urls, [] as [String; 0]);
        assert_eq!(changed.allowed_hosts, ["cdn.example.com"]);
        assert_eq!(changed.list_items, Some(true));
        assert_eq!(get(&admin, "portal").await.unwrap(), changed);
    }

    #[tokio::test]
    async fn a_spider_with_work_to_do_is_not_removed() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        create(&admin, spider("portal")).await.unwrap();
        let new = NewJob { spider_name: "portal".to_owned(), ..Default::default() };
        let job = create_job(&admin, new).await.unwrap();

        assert_eq!(delete(&admin, "portal", &always).await.unwrap_err().code, Code::Conflict);
        let id = crate::base::ids::JobId(job.job_id);
        crate::domain::jobs::queue::cancel(&admin, id).await.unwrap();
        delete(&admin, "portal", &always).await.unwrap();

        assert_eq!(get(&admin, "portal").await.unwrap_err().code, Code::NotFound);
        assert_eq!(crate::domain::jobs::read::get(&admin, id).await.unwrap().spider_name, "portal");
    }

    #[tokio::test]
    async fn only_admins_change_spiders_and_workers_read_them() {
        let world = World::new().await;
        let member = world.user("ann", Role::Member).await;
        let worker = world.key("bob", &[KeyScope::JobsRun]).await;

        assert_eq!(create(&member, spider("portal")).await.unwrap_err().code, Code::Forbidden);
        assert_eq!(delete(&member, "portal", &always).await.unwrap_err().code, Code::Forbidden);
        assert_eq!(get(&worker, AUTO).await.unwrap().name, AUTO);
    }

    #[tokio::test]
    async fn every_bad_field_of_a_spider_is_named() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let new = NewSpider {
            name: "a b".to_owned(),
            runner: Runner::External,
            start_urls: Some(vec!["portal.example.com".to_owned()]),
            allowed_hosts: Some(vec!["http://a".to_owned()]),
            list_items: None,
        };

        let refused = create(&admin, new).await.unwrap_err();

        let pointers: Vec<_> = refused.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/start_urls/0", "/allowed_hosts/0"]);
    }
}
