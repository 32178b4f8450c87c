//! The export of a tenant's properties: all that match, in pages by id. Each page is a short transaction of its own, so
//! an export of any length blocks no writer; what changes meanwhile has an event after the export's position.

use chrono::{DateTime, TimeDelta, Utc};

use super::export_limit::ExportPermit;
use super::list::{PropertyQuery, search};
use super::view::property;
use crate::auth::permission::Permission;
use crate::base::ids::PropertyId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog;
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::property::Property;
use crate::storage::property_search::{self, Search};

/// Rows of a page at most; it also ends at its size.
const PAGE_ROWS: u64 = 500;
/// How long an export may take. What is left is exported by another one that continues after the last row.
const MOST_TIME: TimeDelta = TimeDelta::hours(1);

/// A running export. Dropping it ends it.
pub struct Export {
    op: Op,
    search: Search,
    position: Position,
    /// The id of the last row that was read.
    after: i64,
    ends_at: DateTime<Utc>,
    has_more: bool,
    _permit: ExportPermit,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Export")
            .field("position", &self.position)
            .field("after", &self.after)
            .finish()
    }
}

/// Begins an export of the properties with an id above `after` that match. Refuses bad filters, and with 429 when as
/// many exports run as may.
pub async fn begin(op: &Op, query: PropertyQuery, after: Option<PropertyId>) -> Result<Export> {
    op.require(Permission::ReadProperties)?;
    let search = search(query)?;
    let permit = op.services.exports.acquire(op.scope.tenant_id()).await?;
    // Before the first row is read: a change that a page misses was committed later, and has an event after this.
    let position = eventlog::head(&op.services.db, &op.scope).await?.position();
    let ends_at = op.now().checked_add_signed(MOST_TIME).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let after = after.map_or(0, |id| id.0);
    Ok(Export { op: op.clone(), search, position, after, ends_at, has_more: true, _permit: permit })
}

impl Export {
    /// Rows as of this position or later: the events after it, applied to them, give the present state.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next rows in the order of their ids; none at the end. Fails when the time is over, and when the caller has
    /// lost the credential meanwhile.
    pub async fn next_page(&mut self) -> Result<Vec<Property>> {
        if !self.has_more {
            return Ok(Vec::new());
        }
        if self.op.now() >= self.ends_at {
            let words = "The export takes too long; continue with `after` and the last property_id.";
            return Err(Problem::new(Code::Unavailable, words));
        }
        if let Some(principal) = self.op.principal() {
            self.op.services.recheck_principal(principal).await?;
        }
        let tx = self.op.read().await?;
        let page = property_search::by_id(&tx, &self.search, self.after, PAGE_ROWS).await?;
        drop(tx);
        self.has_more = page.is_cut || page.rows.len() as u64 == PAGE_ROWS;
        self.after = page.rows.last().map_or(self.after, |row| row.id);
        Ok(page.rows.iter().map(property).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key_scope::{KeyScope, Role};
    use crate::domain::properties::{Batch, Notify, ReportedRow, Writer, upsert_batch};
    use crate::domain::testing::World;
    use crate::protocol::property::PropertyInput;

    /// Reports homes with these keys.
    async fn reports(world: &World, keys: std::ops::Range<usize>) {
        let op = world.key(&format!("maker{}", keys.start), &[KeyScope::PropertiesWrite]).await;
        for chunk in keys.collect::<Vec<_>>().chunks(500) {
            let home = |key: &usize| PropertyInput {
                source: Some(if key.is_multiple_of(2) { "even" } else { "odd" }.to_owned()),
                listing_key: Some(format!("K-{key}")),
                ..PropertyInput::default()
            };
            let items = chunk.iter().map(|key| ReportedRow::from(Ok(home(key)))).collect::<Vec<_>>();
            let batch = Batch { job_id: None, items, notify: Notify::Summary, writer: Writer::Worker };
            upsert_batch(&op, batch).await.unwrap();
        }
    }

    async fn ids(export: &mut Export) -> Vec<i64> {
        let mut ids = Vec::new();
        loop {
            let page = export.next_page().await.unwrap();
            if page.is_empty() {
                return ids;
            }
            ids.extend(page.iter().map(|home| home.property_id));
        }
    }

    #[tokio::test]
    async fn an_export_has_every_row_once_in_pages_and_one_that_continues_has_the_rest() {
        let world = World::new().await;
        let op = world.user("ann", Role::Viewer).await;
        reports(&world, 0..1_203).await;

        let mut whole = begin(&op, PropertyQuery::default(), None).await.unwrap();
        let before = world.services.db.transactions();
        let all = ids(&mut whole).await;
        let transactions = world.services.db.transactions() - before;
        let mut rest = begin(&op, PropertyQuery::default(), Some(PropertyId(all[700]))).await.unwrap();

        assert_eq!((all.len(), transactions), (1_203, 3));
        assert!(all.is_sorted_by(|one, next| one < next));
        assert_eq!(ids(&mut rest).await, all[701..]);
    }

    #[tokio::test]
    async fn an_export_filters_and_sees_rows_that_come_while_it_runs() {
        let world = World::new().await;
        let op = world.user("ann", Role::Viewer).await;
        reports(&world, 0..1_000).await;
        let odd = PropertyQuery { sources: vec!["odd".to_owned()], ..PropertyQuery::default() };

        let mut export = begin(&op, odd, None).await.unwrap();
        let position = export.position();
        let first = export.next_page().await.unwrap();
        reports(&world, 1_000..1_010).await;
        let rest = ids(&mut export).await;

        assert_eq!((first.len(), rest.len()), (500, 5));
        assert!(first.iter().all(|home| home.source == "odd"));
        assert_eq!(export.position(), position, "of the beginning");
        let head = eventlog::head(&world.services.db, &op.scope).await.unwrap();
        assert!(head.seq >= position.seq);
    }

    #[tokio::test]
    async fn an_export_has_an_hour_and_a_tenant_sees_its_own_rows_only() {
        let world = World::new().await;
        let op = world.user("ann", Role::Viewer).await;
        let other = world.another_tenant().await;
        let stranger = world.user_in(other, "eve", Role::Admin).await;
        reports(&world, 0..600).await;

        let mut late = begin(&op, PropertyQuery::default(), None).await.unwrap();
        late.next_page().await.unwrap();
        world.advance_ms(3_600_000);

        assert_eq!(late.next_page().await.unwrap_err().code, Code::Unavailable);
        let mut theirs = begin(&stranger, PropertyQuery::default(), None).await.unwrap();
        assert_eq!(ids(&mut theirs).await, [] as [i64; 0]);
    }

    #[tokio::test]
    async fn a_third_export_of_a_tenant_is_refused_until_one_ends() {
        let world = World::new().await;
        let op = world.user("ann", Role::Viewer).await;
        let begin = async || begin(&op, PropertyQuery::default(), None).await;

        let (one, _two) = (begin().await.unwrap(), begin().await.unwrap());
        assert_eq!(begin().await.unwrap_err().code, Code::RateLimited);
        drop(one);
        assert!(begin().await.is_ok());
        let worker = world.key("bob", &[KeyScope::JobsRun]).await;
        let refused = super::begin(&worker, PropertyQuery::default(), None).await.unwrap_err();
        assert_eq!(refused.code, Code::Forbidden);
    }
}
