//! How often the jobs of a spider read each field: one row a job and source.

use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::job_coverage::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::JobId;

pub use super::entity::job_coverage::Model as CoverageRow;

/// A row to be stored.
pub struct NewCoverage {
    pub spider_name: String,
    pub source: String,
    pub job_id: JobId,
    pub pages: i64,
    /// JSON: the number of pages by field.
    pub fields: String,
    /// JSON: the fields that are low, with the share that they had before; `None`: none is.
    pub low: Option<String>,
    pub finished_at: i64,
}

pub async fn insert(tx: &TenantTx, new: NewCoverage) -> Result<()> {
    let row = ActiveModel {
        spider_name: Set(new.spider_name),
        source: Set(new.source),
        job_id: Set(new.job_id.0),
        pages: Set(new.pages),
        fields: Set(new.fields),
        low: Set(new.low),
        finished_at: Set(new.finished_at),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

/// The rows of a source in a spider's jobs, the latest first.
pub async fn latest(tx: &TenantTx, spider_name: &str, source: &str, limit: u64) -> Result<Vec<CoverageRow>> {
    let query = tx.select::<Entity>().filter(of_source(spider_name, source));
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// The sources of a spider's jobs, that of the latest job first.
pub async fn sources(tx: &TenantTx, spider_name: &str, limit: u64) -> Result<Vec<String>> {
    let query = tx
        .select::<Entity>()
        .filter(Column::SpiderName.eq(spider_name))
        .select_only()
        .column(Column::Source)
        .group_by(Column::Source)
        .order_by_desc(Column::Id.max())
        .limit(limit);
    Ok(query.into_tuple().all(&tx.tx).await?)
}

/// Removes the rows of a job, whose next execution has its own.
pub async fn delete_of_job(tx: &TenantTx, job_id: JobId) -> Result<()> {
    tx.delete::<Entity>(Column::JobId.eq(job_id.0)).exec(&tx.tx).await?;
    Ok(())
}

pub async fn delete_of_spider(tx: &TenantTx, spider_name: &str) -> Result<()> {
    tx.delete::<Entity>(Column::SpiderName.eq(spider_name)).exec(&tx.tx).await?;
    Ok(())
}

/// Keeps the latest `most` rows of a source.
pub async fn trim_source(tx: &TenantTx, spider_name: &str, source: &str, most: u64) -> Result<()> {
    trim(tx, of_source(spider_name, source), most).await
}

/// Keeps the latest `most` rows of a spider.
pub async fn trim_spider(tx: &TenantTx, spider_name: &str, most: u64) -> Result<()> {
    trim(tx, Condition::all().add(Column::SpiderName.eq(spider_name)), most).await
}

async fn trim(tx: &TenantTx, which: Condition, most: u64) -> Result<()> {
    let query = tx.select::<Entity>().filter(which.clone()).select_only().column(Column::Id);
    let query = query.order_by_desc(Column::Id).offset(most).limit(1);
    let last: Option<i64> = query.into_tuple().one(&tx.tx).await?;
    if let Some(last) = last {
        tx.delete::<Entity>(which.add(Column::Id.lte(last))).exec(&tx.tx).await?;
    }
    Ok(())
}

fn of_source(spider_name: &str, source: &str) -> Condition {
    Condition::all().add(Column::SpiderName.eq(spider_name)).add(Column::Source.eq(source))
}
