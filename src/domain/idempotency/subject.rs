//! The subject of a stored answer. An answer repeats stored data, so when that is changed or deleted, the
//! answer has to follow.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::ids::{MessageId, UploadId};
use crate::domain::error::Result;
use crate::storage::{Error, TenantTx, idempotency_keys};

/// Names the subject of an answer within its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerSubject(String);

impl AnswerSubject {
    pub fn message(id: MessageId) -> Self {
        Self(format!("message:{id}"))
    }

    pub fn upload(id: UploadId) -> Self {
        Self(format!("upload:{id}"))
    }

    pub fn spider(name: &str) -> Self {
        Self(format!("spider:{name}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Changes every stored answer about it, in the transaction of the change.
    pub async fn rewrite<T>(&self, tx: &TenantTx, change: impl Fn(&mut T)) -> Result<()>
    where
        T: Serialize + DeserializeOwned,
    {
        let corrupt = |error: serde_json::Error| Error::Corrupt(error.to_string());
        for row in idempotency_keys::about(tx, self.as_str()).await? {
            let mut answer: T = serde_json::from_str(&row.answer).map_err(corrupt)?;
            change(&mut answer);
            let answer = serde_json::to_string(&answer).map_err(corrupt)?;
            idempotency_keys::rewrite(tx, row.id, answer).await?;
        }
        Ok(())
    }

    /// Empties every stored answer about it, in the transaction that deletes it. A retry is then refused with
    /// 410: the work is not done again, and what it made is gone.
    pub async fn clear_answers(&self, tx: &TenantTx) -> Result<()> {
        Ok(idempotency_keys::empty(tx, self.as_str()).await?)
    }
}
