//! The messages and jobs that files are attached to.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::entity::upload_attachments::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::{JobId, RoomId};

pub use super::entity::upload_attachments::Model as AttachmentRow;

/// What a file is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentTarget {
    /// A message's row, and its room or conversation.
    Message {
        id: i64,
        room: RoomId,
    },
    Job(JobId),
}

/// Attaches the files of these rows.
pub async fn insert(tx: &TenantTx, uploads: &[i64], host: AttachmentTarget) -> Result<()> {
    let (message_id, room_id, job_id) = match host {
        AttachmentTarget::Message { id, room } => (Some(id), Some(room.0), None),
        AttachmentTarget::Job(job) => (None, None, Some(job.0)),
    };
    let rows = uploads.iter().map(|upload| ActiveModel {
        upload_id: Set(*upload),
        message_id: Set(message_id),
        room_id: Set(room_id),
        job_id: Set(job_id),
        ..Default::default()
    });
    tx.insert_all(rows.collect()).await
}

/// Everything that a file is attached to.
pub async fn of_upload(tx: &TenantTx, upload: i64) -> Result<Vec<AttachmentRow>> {
    Ok(tx.select::<Entity>().filter(Column::UploadId.eq(upload)).all(&tx.tx).await?)
}

/// Detaches a message's files.
pub async fn delete_of_message(tx: &TenantTx, message: i64) -> Result<()> {
    tx.delete::<Entity>(Column::MessageId.eq(message)).exec(&tx.tx).await?;
    Ok(())
}

/// Detaches a removed file from everything.
pub async fn delete_of_upload(tx: &TenantTx, upload: i64) -> Result<()> {
    tx.delete::<Entity>(Column::UploadId.eq(upload)).exec(&tx.tx).await?;
    Ok(())
}
