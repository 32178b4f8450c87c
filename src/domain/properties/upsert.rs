//! Upserts what a worker or the crawler reports: one transaction a batch; a bad row does not reject the others.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::batch_plan::{BatchPlan, Notify, RowResult};
use super::diff::{UpsertOutcome, is_outdated};
use super::draft::Draft;
use super::evidence;
use super::null_semantics::{ignore_nulls, null_semantics};
use super::origins::Origins;
use super::report::ReportedRow;
use super::summary;
use super::view::property;
use crate::auth::permission::Permission;
use crate::base::ids::{ExecutionId, JobId};
use crate::base::normalize;
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::api_key::NullSemantics;
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem, join_errors};
use crate::protocol::property::{Property, PropertyInput};
use crate::protocol::property_batch::{
    BatchItemResult, BatchItemStatus, BatchResult, MAX_ITEMS, ParsedProperty,
};
use crate::storage::properties::{Key, Writer};
use crate::storage::{job_items, jobs, micros, price_history, properties};

/// How often a batch restarts because another one inserts the same new listings at the same moment.
const MAX_ATTEMPTS: usize = 4;

/// A report of listings. Rows are read one by one, so that none is in memory longer than its draft takes.
pub struct Batch<I = Vec<ParsedProperty>> {
    pub job_id: Option<JobId>,
    pub items: I,
    pub notify: Notify,
    pub writer: Writer,
}

/// Upserts a batch of 1 to 500 rows.
pub async fn upsert_batch<I>(op: &Op, batch: Batch<I>) -> Result<BatchResult>
where
    I: IntoIterator<Item: Into<ReportedRow>> + Send,
{
    op.require(Permission::WriteProperties)?;
    let semantics = null_semantics(op).await?;
    let Drafts { drafts, nulls_ignored } = Drafts::read(batch.items, batch.writer, semantics);
    if drafts.is_empty() || drafts.len() > MAX_ITEMS {
        let words = format!("must have 1 to {MAX_ITEMS} rows");
        return Err(Problem::validation(vec![FieldError::in_body(&[step("items")], "max_items", words)]));
    }
    let checked =
        CheckedBatch { job_id: batch.job_id, notify: batch.notify, writer: batch.writer, drafts: &drafts };
    upsert(op, &checked, |plan, position| Ok(batch_result(&plan, nulls_ignored, position))).await
}

/// The rows of a batch, read.
struct Drafts {
    drafts: Vec<Result<Draft, Vec<FieldError>>>,
    /// Fields that were `null` and stay as they are.
    nulls_ignored: usize,
}

impl Drafts {
    /// One more than allowed is enough to reject them for their number.
    fn read(
        items: impl IntoIterator<Item: Into<ReportedRow>>,
        writer: Writer,
        semantics: NullSemantics,
    ) -> Self {
        let (mut drafts, mut nulls_ignored) = (Vec::new(), 0);
        for item in items.into_iter().take(MAX_ITEMS + 1) {
            let mut row: ReportedRow = item.into();
            if let Ok(property) = &mut row.property {
                nulls_ignored += ignore_nulls(property, semantics);
            }
            drafts.push(Draft::read(row, writer));
        }
        Self { drafts, nulls_ignored }
    }
}

fn batch_result(plan: &BatchPlan, nulls_ignored: usize, position: Option<Position>) -> BatchResult {
    let rejected = plan.rows.iter().filter(|row| row.is_err()).count();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    BatchResult {
        accepted: count(plan.rows.len() - rejected),
        rejected: count(rejected),
        results: (0..).zip(&plan.rows).map(|(index, row)| result(index, row)).collect(),
        nulls_ignored: Some(nulls_ignored).filter(|ignored| *ignored > 0).map(count),
        position: position.map(|position| position.to_string()),
    }
}

/// A property after it was put.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutResult {
    pub outcome: UpsertOutcome,
    pub property: Property,
    /// The log position after the change; none if nothing changed.
    pub position: Option<Position>,
}

/// Upserts one property under the key in the path; the body may repeat the key but not contradict it.
pub async fn put_by_key(
    op: &Op,
    source: String,
    listing_key: String,
    mut input: PropertyInput,
) -> Result<PutResult> {
    op.require(Permission::WriteProperties)?;
    ignore_nulls(&mut input, null_semantics(op).await?);
    let draft = draft_for_key(source, listing_key, input).map_err(Problem::validation)?;
    let drafts = [Ok(draft)];
    let writer = Writer::Worker;
    let checked = CheckedBatch { job_id: None, notify: Notify::Each, writer, drafts: &drafts };
    upsert(op, &checked, put_result).await
}

fn put_result(plan: BatchPlan, position: Option<Position>) -> Result<PutResult> {
    let row = plan.rows.into_iter().next().ok_or_else(Problem::internal)?;
    let row = row.map_err(Problem::validation)?;
    // The removal of an unknown listing has nothing to show.
    let property = row.after().map(property).ok_or_else(Problem::not_found)?;
    Ok(PutResult { outcome: row.outcome, property, position })
}

fn draft_for_key(
    source: String,
    listing_key: String,
    mut input: PropertyInput,
) -> Result<Draft, Vec<FieldError>> {
    let mut errors = Vec::new();
    for (name, path, body) in
        [("source", source, &mut input.source), ("listing_key", listing_key, &mut input.listing_key)]
    {
        if body.as_ref().is_some_and(|body| normalize::exact(body) != normalize::exact(&path)) {
            errors.push(FieldError::in_body(&[step(name)], "const", "must be that of the path, or absent"));
        }
        *body = Some(path);
    }
    match Draft::parse(input) {
        Ok(draft) if errors.is_empty() => Ok(draft),
        Ok(_) => Err(errors),
        Err(more) => Err(errors.into_iter().chain(more).collect()),
    }
}

/// Every bad field of a row of a batch.
pub fn validate_row(input: PropertyInput) -> Vec<FieldError> {
    Draft::parse(input).err().unwrap_or_default()
}

/// Every bad field of a property that is put under a key.
pub fn validate_put(input: PropertyInput) -> Vec<FieldError> {
    // The key is in the path, and is validated with it on upsert.
    let named = |text: Option<String>| text.or_else(|| Some("x".to_owned()));
    let input = PropertyInput { source: named(input.source), listing_key: named(input.listing_key), ..input };
    Draft::parse(input).err().unwrap_or_default()
}

/// A validated batch.
struct CheckedBatch<'a> {
    job_id: Option<JobId>,
    notify: Notify,
    writer: Writer,
    drafts: &'a [Result<Draft, Vec<FieldError>>],
}

async fn upsert<T: Serialize + DeserializeOwned>(
    op: &Op,
    batch: &CheckedBatch<'_>,
    answer: impl FnOnce(BatchPlan, Option<Position>) -> Result<T>,
) -> Result<T> {
    for _ in 0..MAX_ATTEMPTS {
        let mut change = match op.begin_idempotent().await? {
            Begin::Execute(change) => change,
            Begin::Replay(answer) => return Ok(answer),
        };
        if let Some(plan) = write(op, &mut change, batch).await? {
            return op.commit_idempotent(change, |position| answer(plan, position)).await;
        }
    }
    let words = "Other batches are writing the same new properties; try again.";
    Err(Problem::new(Code::Unavailable, words).retry_after(1))
}

/// Writes the batch and collects its events. None: another batch inserted one of its new listings meanwhile,
/// and it has to restart. Waiting for those rows in this transaction could deadlock.
async fn write(op: &Op, change: &mut EventTx, batch: &CheckedBatch<'_>) -> Result<Option<BatchPlan>> {
    if let Some(job_id) = batch.job_id {
        jobs::find(&change.tx, job_id).await?.ok_or_else(Problem::not_found)?;
    }
    let stored = properties::lock_by_keys(&change.tx, &keys(batch.drafts)).await?;
    let mut plan = BatchPlan::build(stored, batch.drafts, batch.writer, micros(op.now()));
    let inserted = properties::insert_new(&change.tx, plan.created()).await?;
    if !plan.assign_ids(&inserted) {
        return Ok(None);
    }
    for row in plan.changed() {
        properties::update(&change.tx, row).await?;
    }
    properties::touch(&change.tx, plan.seen(), micros(op.now())).await?;
    price_history::insert_all(&change.tx, plan.history()).await?;
    evidence::record(&change.tx, told_origins(batch, &plan), micros(op.now())).await?;
    for event in plan.events(batch.job_id, batch.notify) {
        change.emit(event);
    }
    record_for_job(op, change, batch.job_id, &plan).await?;
    Ok(Some(plan))
}

/// The origins that the batch tells of the properties that its writer may write.
fn told_origins<'a>(batch: &CheckedBatch<'a>, plan: &BatchPlan) -> Vec<(i64, &'a Origins)> {
    let rows = plan.rows.iter().zip(batch.drafts);
    let told = rows.filter_map(|(row, draft)| {
        let (after, draft) = (row.as_ref().ok()?.after()?, draft.as_ref().ok()?);
        let is_told = batch.writer.owns(after) && !draft.removes() && !draft.origins.is_empty();
        (is_told && !is_outdated(after, draft)).then_some((after.id, &draft.origins))
    });
    told.collect()
}

/// Counts the batch for its job, and emits or stores the summary of what is new. Last, because other reports
/// on the job wait for its row from here on.
async fn record_for_job(
    op: &Op,
    change: &mut EventTx,
    job_id: Option<JobId>,
    plan: &BatchPlan,
) -> Result<()> {
    let (found, locations) = plan.count_created();
    let Some(job_id) = job_id else {
        return if found > 0 {
            summary::emit_batch_summary(op, change, found, &locations).await
        } else {
            Ok(())
        };
    };
    let job = jobs::lock(&change.tx, job_id).await?.ok_or_else(Problem::not_found)?;
    if let Some(execution_id) = job.execution_id {
        let now = micros(op.now());
        let items = plan.items();
        job_items::insert_new(&change.tx, job_id, ExecutionId(execution_id), items, now).await?;
    }
    if found > 0 { summary::add_to_summary(op, change, &job, found, locations).await } else { Ok(()) }
}

fn keys(drafts: &[Result<Draft, Vec<FieldError>>]) -> Vec<Key> {
    let keys: BTreeSet<Key> =
        drafts.iter().flatten().map(|draft| (draft.source.clone(), draft.listing_key.clone())).collect();
    keys.into_iter().collect()
}

fn result(index: i64, row: &Result<RowResult, Vec<FieldError>>) -> BatchItemResult {
    let entered = match row {
        Ok(entered) => entered,
        Err(errors) => {
            let error = Some(join_errors(errors));
            return BatchItemResult { index, status: BatchItemStatus::Error, property_id: None, error };
        }
    };
    let status = match entered.outcome {
        UpsertOutcome::Created => BatchItemStatus::Created,
        UpsertOutcome::Changed => BatchItemStatus::Changed,
        UpsertOutcome::Unchanged => BatchItemStatus::Unchanged,
        UpsertOutcome::Removed => BatchItemStatus::Removed,
    };
    BatchItemResult { index, status, property_id: entered.after().map(|row| row.id), error: None }
}

fn step(name: &str) -> PathSegment {
    PathSegment::Name(name.to_owned())
}
