//! One file, without its bytes.

use super::{access, view};
use crate::base::ids::UploadId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::upload::Upload;

pub async fn get(op: &Op, upload_id: UploadId) -> Result<Upload> {
    let tx = op.read().await?;
    view::upload(&access::find_readable(op, &tx, upload_id).await?)
}
