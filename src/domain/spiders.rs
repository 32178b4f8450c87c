//! Spiders of a tenant. `auto` exists in every tenant: it is in every list and cannot be changed or removed.

mod headers;
pub mod presets;
pub(in crate::domain) mod rule_errors;
mod shape;

use std::collections::BTreeMap;

use super::error::Result;
use super::idempotency::{AnswerSubject, Begin};
use super::jobs::validation::{FieldErrors, ensure_valid, list_json};
use super::jobs::view::{json, unreadable};
use super::op::{AuditEntry, Op};
use super::schedules::{of_spiders, validation as schedule_validation};
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::page::{Page, PageRequest};
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::protocol::rule_report::RuleReport;
use crate::protocol::spider::{AUTO, NewSpider, Runner, Spider, SpiderInput};
use crate::protocol::spider_rules::SpiderRules;
use crate::storage::spiders::{self, SpiderFields, SpiderRow};
use crate::storage::{BoundedRows, Error, TenantTx, job_coverage, jobs, micros, time};

pub use self::shape::SpiderShape;

/// The key of `auto` in the list: before every stored spider.
const AUTO_KEY: i64 = 0;

/// Names that no new spider has: `/spiders/{name}` would be another address.
const RESERVED_NAMES: [&str; 2] = ["presets", "preview"];

/// Checks the current spider with the row locked: a precondition of the request.
pub type Precondition<'a> = &'a (dyn Fn(&Spider) -> Result<()> + Sync);

pub async fn create(op: &Op, new: NewSpider) -> Result<Spider> {
    create_with_report(op, new, None).await
}

/// The same, with what its rules change on pages that are kept of an earlier spider of this name. A replay answers it,
/// too.
pub async fn create_with_report(op: &Op, new: NewSpider, report: Option<RuleReport>) -> Result<Spider> {
    op.require(Permission::ManageSpiders)?;
    ensure_valid(validate_new(&new))?;
    refuse_auto(&new.name)?;
    let change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let (name, schedule) = (new.name.clone(), new.schedule.clone());
    let row = match spiders::insert(&change.tx, &name, columns_of(op, &name, new.into())?).await {
        Err(Error::Duplicate(_)) => return Err(taken()),
        other => other?,
    };
    of_spiders::put(op, &change.tx, &name, schedule.as_ref()).await?;
    let created = Spider { rule_report: report, ..shown(op, &change.tx, &row).await? };
    op.audit(&change.tx, audit_entry("spider.created", &name)).await?;
    op.commit_idempotent_about(change, &AnswerSubject::spider(&name), |_| Ok(created)).await
}

/// `auto` first, then the tenant's own in the order of creation.
pub async fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<Spider, i64>> {
    op.require(Permission::ReadSpiders)?;
    let tx = op.read().await?;
    let BoundedRows { rows, is_cut } =
        spiders::list(&tx, page.after.unwrap_or(AUTO_KEY), page.limit + 1).await?;
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let mut schedules = of_spiders::find_all(&tx, &names).await?;
    let stored = rows.iter().map(|row| {
        let schedule = schedules.remove(&row.name);
        Ok((row.id, Spider { schedule, ..view(op, row)? }))
    });
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
    let tx = op.read().await?;
    let row = spiders::find(&tx, name).await?.ok_or_else(Problem::not_found)?;
    shown(op, &tx, &row).await
}

/// What shapes the crawls of this spider: the default for `auto`, for a spider of external workers, and for one that
/// is not there. Holds the headers in clear: it is for the crawler and is shown to no caller.
pub async fn shape(op: &Op, name: &str) -> Result<SpiderShape> {
    op.require(Permission::ReadSpiders)?;
    if name == AUTO || !is_valid_name(name) {
        return Ok(SpiderShape::default());
    }
    match spiders::find(&op.read().await?, name).await? {
        Some(row) if row.runner == Runner::Builtin.name() => SpiderShape::of_row(op, &row),
        _ => Ok(SpiderShape::default()),
    }
}

/// Replaces all of a spider but its name. Existing jobs keep what they were created with.
pub async fn put(op: &Op, name: &str, new: SpiderInput, precondition: Precondition<'_>) -> Result<Spider> {
    op.require(Permission::ManageSpiders)?;
    ensure_valid(validate_change(&new))?;
    refuse_auto(name)?;
    require_valid_name(name)?;
    let change = op.begin().await?;
    let row = spiders::lock(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    precondition(&shown(op, &change.tx, &row).await?)?;
    of_spiders::put(op, &change.tx, name, new.schedule.as_ref()).await?;
    spiders::update(&change.tx, row.id, columns_of(op, name, new)?).await?;
    op.audit(&change.tx, audit_entry("spider.changed", name)).await?;
    let row = spiders::find(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    let changed = shown(op, &change.tx, &row).await?;
    op.commit(change).await?;
    Ok(changed)
}

/// Removes a spider, unless jobs of it are pending or running. Ended jobs keep its name.
pub async fn delete(op: &Op, name: &str, precondition: Precondition<'_>) -> Result<()> {
    op.require(Permission::ManageSpiders)?;
    refuse_auto(name)?;
    require_valid_name(name)?;
    let change = op.begin().await?;
    let row = spiders::lock(&change.tx, name).await?.ok_or_else(Problem::not_found)?;
    precondition(&shown(op, &change.tx, &row).await?)?;
    if jobs::any_active_of(&change.tx, name).await? {
        return Err(Problem::new(
            Code::Conflict,
            "The spider has pending or running jobs; cancel them first.",
        ));
    }
    spiders::delete(&change.tx, row.id).await?;
    job_coverage::delete_of_spider(&change.tx, name).await?;
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
    spiders::lock_shared(tx, name).await?.map(|row| stored_view(&row)).transpose()
}

fn auto() -> Spider {
    Spider { name: AUTO.to_owned(), runner: Runner::Builtin, list_items: Some(false), ..Spider::default() }
}

/// The spider with its schedule.
async fn shown(op: &Op, tx: &TenantTx, row: &SpiderRow) -> Result<Spider> {
    Ok(Spider { schedule: of_spiders::find(tx, &row.name).await?, ..view(op, row)? })
}

/// The spider without its schedule.
fn view(op: &Op, row: &SpiderRow) -> Result<Spider> {
    let headers_lost = headers::are_lost(op, row).then_some(true);
    Ok(Spider { headers_lost, ..stored_view(row)? })
}

/// The spider as far as its row alone tells, which is not whether its headers can be decrypted.
fn stored_view(row: &SpiderRow) -> Result<Spider> {
    let own = shape::own_rules(row)?;
    let list_items = shape::takes_list_items(row)?;
    let spider = Spider {
        name: row.name.clone(),
        runner: Runner::named(&row.runner).ok_or_else(|| unreadable(&row.runner))?,
        start_urls: json(&row.start_urls)?,
        allowed_hosts: json(&row.allowed_hosts)?,
        header_names: headers::names(row)?,
        preset: row.preset.clone(),
        created_at: Some(rfc3339(time(row.created_at))),
        updated_at: Some(rfc3339(time(row.updated_at))),
        ..Spider::default()
    };
    Ok(Spider { list_items: Some(list_items), ..spider.with_rules(own) })
}

fn columns_of<'a>(op: &Op, name: &str, new: SpiderInput) -> Result<SpiderFields<'a>> {
    let rules = new.rules();
    let headers = headers::seal(op, name, new.headers.as_ref())?;
    Ok(SpiderFields {
        runner: new.runner.name(),
        start_urls: list_json(&new.start_urls.unwrap_or_default()),
        allowed_hosts: list_json(&new.allowed_hosts.unwrap_or_default()),
        list_items: new.list_items.unwrap_or_default(),
        // Texts, numbers and maps with text keys always serialise.
        rules: (!rules.is_empty()).then(|| serde_json::to_string(&rules).unwrap_or_default()),
        preset: new.preset,
        header_names: headers.names,
        sealed_headers: headers.sealed,
        now: micros(op.now()),
    })
}

/// All invalid fields of a new spider.
pub fn validate_new(new: &NewSpider) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    let words = "must have 1 to 100 of A-Z a-z 0-9 _ . -, and not be `.` or `..`";
    faults.require(is_valid_name(&new.name), "name", "pattern", words);
    let words = "must be another name: `preview` and `presets` are addresses of their own";
    faults.require(!RESERVED_NAMES.contains(&new.name.as_str()), "name", "reserved", words);
    check_lists(&mut faults, &new.start_urls, &new.allowed_hosts);
    check_shape(&mut faults, &new.rules(), new.preset.as_deref(), new.headers.as_ref());
    schedule_validation::check(&mut faults, new.schedule.as_ref(), new.start_urls.as_deref());
    faults.into_errors()
}

/// All invalid fields of a changed spider.
pub fn validate_change(new: &SpiderInput) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    check_lists(&mut faults, &new.start_urls, &new.allowed_hosts);
    check_shape(&mut faults, &new.rules(), new.preset.as_deref(), new.headers.as_ref());
    schedule_validation::check(&mut faults, new.schedule.as_ref(), new.start_urls.as_deref());
    faults.into_errors()
}

fn check_shape(
    faults: &mut FieldErrors,
    rules: &SpiderRules,
    preset: Option<&str>,
    given: Option<&BTreeMap<String, String>>,
) {
    rule_errors::check(faults, rules, preset);
    if let Some(given) = given {
        headers::check(faults, given);
    }
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
    use serde_json::json;

    use super::*;
    use crate::auth::key_scope::{KeyScope, Role};
    use crate::domain::jobs::queue::create as create_job;
    use crate::domain::testing::World;
    use crate::protocol::job::NewJob;

    fn spider(name: &str) -> NewSpider {
        let start_urls = Some(vec!["https://portal.example.com/".to_owned()]);
        NewSpider { name: name.to_owned(), runner: Runner::External, start_urls, ..NewSpider::default() }
    }

    fn always(_: &Spider) -> Result<()> {
        Ok(())
    }

    fn change() -> SpiderInput {
        let hosts = Some(vec!["cdn.example.com".to_owned()]);
        SpiderInput {
            runner: Runner::Builtin,
            allowed_hosts: hosts,
            list_items: Some(true),
            ..SpiderInput::default()
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

    fn shaped(value: serde_json::Value) -> NewSpider {
        let start_urls = Some(vec!["https://portal.example.com/".to_owned()]);
        let new: NewSpider = serde_json::from_value(value).unwrap();
        NewSpider { name: "portal".to_owned(), runner: Runner::Builtin, start_urls, ..new }
    }

    fn with_cookie() -> NewSpider {
        let headers = Some(BTreeMap::from([("Cookie".to_owned(), "session=canary".to_owned())]));
        NewSpider { headers, ..shaped(json!({"name": "", "runner": "builtin"})) }
    }

    #[tokio::test]
    async fn rules_are_shown_as_they_were_given_and_shape_the_crawl() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let rules = json!({
            "name": "", "runner": "builtin", "follow": ["/list"], "detail": "/home/[0-9]+", "list_items": true,
            "fields": {"list_price": {"css": ".price", "transform": "decimal_comma"}},
            "constants": {"currency": "EUR"}, "limits": {"max_pages": 20, "max_items": 9, "max_depth": 2},
        });
        let new = shaped(rules);

        let made = create(&admin, new.clone()).await.unwrap();
        let shape = shape(&admin, "portal").await.unwrap();
        let job = create_job(&admin, NewJob { spider_name: "portal".to_owned(), ..Default::default() });
        let job = job.await.unwrap();
        let changed = put(&admin, "portal", SpiderInput::default(), &always).await.unwrap();

        assert_eq!((made.rules(), &shape.rules), (new.rules(), &new.rules()));
        assert_eq!((job.settings.max_pages, job.settings.max_items), (Some(20), Some(9)));
        assert_eq!(changed.rules(), SpiderRules { list_items: Some(false), ..SpiderRules::default() });
        assert_ne!(super::shape(&admin, "portal").await.unwrap().digest, shape.digest);
        for name in [AUTO, "unknown", "no name"] {
            assert_eq!(super::shape(&admin, name).await.unwrap(), SpiderShape::default(), "{name}");
        }
    }

    #[tokio::test]
    async fn headers_are_stored_encrypted_opened_for_the_crawl_and_never_shown() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;

        let made = create(&admin, with_cookie()).await.unwrap();
        let opened = shape(&admin, "portal").await.unwrap();
        let stored = spiders::find(&admin.read().await.unwrap(), "portal").await.unwrap().unwrap();

        assert_eq!(opened.headers, [("Cookie".to_owned(), "session=canary".to_owned())]);
        assert_eq!((made.header_names, made.headers_lost), (Some(vec!["Cookie".to_owned()]), None));
        let made = get(&admin, "portal").await.unwrap();
        assert!(!serde_json::to_string(&made).unwrap().contains("canary"));
        assert!(!format!("{stored:?}").contains("canary"));
        // A change without headers leaves none.
        let changed = put(&admin, "portal", change(), &always).await.unwrap();
        assert_eq!(changed.header_names, None);
        assert!(shape(&admin, "portal").await.unwrap().headers.is_empty());
    }

    #[tokio::test]
    async fn headers_of_a_lost_key_are_named_and_the_crawl_is_refused_until_they_are_given_again() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        create(&admin, with_cookie()).await.unwrap();
        // Another process, whose key is a new one.
        let mut restarted = admin.clone();
        restarted.services = world.restarted().await;

        let shown = get(&restarted, "portal").await.unwrap();
        let refused = shape(&restarted, "portal").await.unwrap();
        let input = SpiderInput::from(with_cookie());
        let again = put(&restarted, "portal", input, &always).await.unwrap();

        assert_eq!((shown.headers_lost, shown.header_names), (Some(true), Some(vec!["Cookie".to_owned()])));
        let words = refused.refusal.unwrap();
        assert!(words.contains("portal") && words.contains("give them again"), "{words}");
        assert_eq!((refused.headers, again.headers_lost), (Vec::new(), None));
        assert_eq!(shape(&restarted, "portal").await.unwrap().refusal, None);
    }

    #[tokio::test]
    async fn a_spider_of_workers_shapes_no_crawl_of_the_server() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        create(&admin, NewSpider { runner: Runner::External, ..with_cookie() }).await.unwrap();

        assert_eq!(shape(&admin, "portal").await.unwrap(), SpiderShape::default());
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
    async fn a_spider_has_no_name_that_is_an_address_of_its_own() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;

        for name in RESERVED_NAMES {
            let refused = create(&admin, spider(name)).await.unwrap_err();
            let kinds: Vec<_> = refused.errors.iter().map(|error| error.kind.as_str()).collect();
            assert_eq!(kinds, ["reserved"], "{name}");
        }
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
            detail: Some("(".to_owned()),
            headers: Some(BTreeMap::from([("Host".to_owned(), "a".to_owned())])),
            ..NewSpider::default()
        };

        let refused = create(&admin, new).await.unwrap_err();

        let pointers: Vec<_> = refused.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/start_urls/0", "/allowed_hosts/0", "/detail", "/headers/Host"]);
    }
}
