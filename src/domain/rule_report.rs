//! What new rules of a spider change on the pages that are kept of it, told before the rules hold.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::error::Result;
use super::kept_pages::{self, KeptBody, KeptPage};
use super::op::Op;
use super::previews::{PageReader, ReadFields};
use super::spiders;
use crate::auth::permission::Permission;
use crate::base::clock::Clock;
use crate::protocol::rule_report::RuleReport;
use crate::protocol::spider::{AUTO, Runner, SpiderInput};
use crate::protocol::spider_rules::{SpiderRules, preset_rules};

/// Pages that are compared at most, how many at a time, and for how long.
const PAGES: u64 = 50;
const AT_ONCE: usize = 2;
const TIME: Duration = Duration::from_secs(3);

/// Compares the rules of the spider with new ones. `None`: the rules stay as they are, there is no kept page of the
/// spider, its pages are read by other workers, this node has no crawler, or a preview of the tenant runs.
pub async fn of_change(op: &Op, name: &str, new: &SpiderInput) -> Result<Option<RuleReport>> {
    op.require(Permission::ManageSpiders)?;
    let Some(reader) = op.services.previews.reader() else { return Ok(None) };
    // What is invalid is refused by the change itself.
    let is_valid = spiders::is_valid_name(name) && spiders::validate_change(new).is_empty();
    if new.runner != Runner::Builtin || name == AUTO || !is_valid {
        return Ok(None);
    }
    let base = new.preset.as_deref().and_then(preset_rules).unwrap_or_default();
    let after = new.rules().over(base);
    let before = spiders::shape(op, name).await?.rules;
    if before == after {
        return Ok(None);
    }
    // A report takes the readers as a preview does. While another runs there is none.
    let Ok(_permit) = op.services.previews.acquire(op.scope.tenant_id()).await else { return Ok(None) };
    let pages = kept_pages::latest(op, name, PAGES).await?;
    if pages.is_empty() {
        return Ok(None);
    }
    Ok(Some(compare_all(op, &*reader, pages, (&before, &after)).await))
}

async fn compare_all(
    op: &Op,
    reader: &dyn PageReader,
    pages: Vec<KeptPage>,
    rules: (&SpiderRules, &SpiderRules),
) -> RuleReport {
    let reads: Vec<_> = pages.into_iter().map(|page| read_twice(op, reader, page, rules)).collect();
    let mut compared = stream::iter(reads).buffer_unordered(AT_ONCE);
    // Readers work in real time, also where a test moves the clock.
    let clock = Clock::system();
    let mut time_over = std::pin::pin!(clock.sleep(TIME));
    let mut report = RuleReport::default();
    loop {
        tokio::select! {
            biased;
            next = compared.next() => match next {
                Some(Some((before, after))) => report.add(&before, &after),
                Some(None) => {}
                None => return report,
            },
            () = &mut time_over => return report,
        }
    }
}

/// A page with both rules. `None`: it is not kept any more, or no reader can read it.
async fn read_twice(
    op: &Op,
    reader: &dyn PageReader,
    page: KeptPage,
    (before, after): (&SpiderRules, &SpiderRules),
) -> Option<(ReadFields, ReadFields)> {
    let body = kept_pages::load_body(op, &page).await.ok()??;
    let (tenant, kept) = (op.scope.tenant_id(), KeptBody { page, body });
    let before = reader.read_kept(tenant, &kept, before).await;
    let after = reader.read_kept(tenant, &kept, after).await;
    if before.is_none() && after.is_none() {
        return None;
    }
    Some((before.unwrap_or_default(), after.unwrap_or_default()))
}

impl RuleReport {
    /// Counts the fields of one page that differ.
    fn add(&mut self, before: &ReadFields, after: &ReadFields) {
        self.pages += 1;
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            if old == new {
                continue;
            }
            let field = self.fields.entry(name.clone()).or_default();
            match (old, new) {
                (None, Some(_)) => field.won += 1,
                (Some(_), None) => field.lost += 1,
                _ => field.different += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use serde_json::json;

    use super::*;
    use crate::auth::key_scope::Role;
    use crate::auth::tenant_scope::SystemReason;
    use crate::base::ids::TenantId;
    use crate::domain::kept_pages::{NewPage, PackedBody};
    use crate::domain::previews::{Preview, PreviewRequest};
    use crate::domain::testing::World;
    use crate::protocol::rule_report::FieldReport;
    use crate::protocol::spider_rules::SpiderConstants;

    /// Gives the body as the price, and the currency of the rules.
    struct Reader;

    impl PageReader for Reader {
        fn preview<'a>(&'a self, _: TenantId, _: &'a PreviewRequest) -> BoxFuture<'a, Result<Preview>> {
            unreachable!("no page is requested")
        }

        fn read_kept<'a>(
            &'a self,
            _tenant: TenantId,
            page: &'a KeptBody,
            rules: &'a SpiderRules,
        ) -> BoxFuture<'a, Option<ReadFields>> {
            let mut fields = ReadFields::new();
            let price: i64 = std::str::from_utf8(&page.body).unwrap().parse().unwrap();
            let constants = rules.constants.clone().unwrap_or_default();
            if let Some(currency) = constants.currency {
                fields.insert("currency".to_owned(), json!(currency));
                fields.insert("list_price".to_owned(), json!(price % 10));
            } else {
                fields.insert("list_price".to_owned(), json!(price));
                fields.insert("tenure".to_owned(), json!("freehold"));
            }
            async move { Some(fields) }.boxed()
        }
    }

    async fn kept(world: &World, spider_name: &str, pages: std::ops::Range<i64>) {
        let op = Op::of_system(&world.services, SystemReason::Crawl, world.tenant);
        let page = |price: i64| NewPage {
            url: format!("https://a.example/{price}"),
            page_url: None,
            spider_name: spider_name.to_owned(),
            content: "html".to_owned(),
            charset: None,
            robots_tag: None,
            fetched_at: price,
            body: PackedBody::pack(price.to_string().as_bytes()).unwrap(),
        };
        kept_pages::store(&op, pages.map(page).collect()).await.unwrap();
    }

    /// A reader of this node; it reads as long as this lives.
    fn reads(world: &World) -> Arc<dyn PageReader> {
        let reader: Arc<dyn PageReader> = Arc::new(Reader);
        world.services.previews.set_reader(&reader);
        reader
    }

    fn input(currency: Option<&str>) -> SpiderInput {
        let constants =
            SpiderConstants { currency: currency.map(str::to_owned), ..SpiderConstants::default() };
        let rules = SpiderRules { constants: currency.map(|_| constants), ..SpiderRules::default() };
        SpiderInput::default().with_rules(rules)
    }

    #[tokio::test]
    async fn the_last_fifty_pages_are_compared_field_by_field() {
        let world = World::new().await;
        let (admin, _reader) = (world.user("root", Role::Admin).await, reads(&world));
        kept(&world, "portal", 0..60).await;
        kept(&world, "other", 100..103).await;

        let report = of_change(&admin, "portal", &input(Some("EUR"))).await.unwrap().unwrap();

        // Pages 10 to 59: none has a price below ten.
        let count = |won, lost, different| FieldReport { won, lost, different };
        let expected = [
            ("currency".to_owned(), count(50, 0, 0)),
            ("list_price".to_owned(), count(0, 0, 50)),
            ("tenure".to_owned(), count(0, 50, 0)),
        ];
        assert_eq!((report.pages, report.fields), (50, BTreeMap::from(expected)));
    }

    #[tokio::test]
    async fn without_a_change_or_a_page_there_is_no_report() {
        let world = World::new().await;
        let admin = world.user("root", Role::Admin).await;
        let (member, reader) = (world.user("ann", Role::Member).await, reads(&world));
        kept(&world, "portal", 0..3).await;
        assert!(of_change(&admin, "portal", &input(Some("EUR"))).await.unwrap().is_some());
        let external = SpiderInput { runner: Runner::External, ..input(Some("EUR")) };

        assert_eq!(of_change(&admin, "portal", &input(None)).await.unwrap(), None);
        assert_eq!(of_change(&admin, "unknown", &input(Some("EUR"))).await.unwrap(), None);
        assert_eq!(of_change(&admin, "portal", &external).await.unwrap(), None);
        assert!(of_change(&member, "portal", &input(Some("EUR"))).await.is_err());
        drop(reader);
        assert_eq!(of_change(&admin, "portal", &input(Some("EUR"))).await.unwrap(), None, "no crawler");
    }
}
