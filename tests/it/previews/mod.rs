//! What people need to shape a spider: the preview of a page, presets, and one home that is read now.

mod pages;
mod presets;
mod refresh;

use serde_json::Value;

use crate::support::people::Caller;

const PREVIEW: &str = "/api/v1/spiders/preview";

/// The preview of a page, which must succeed.
async fn sees_preview(caller: &Caller<'_>, body: &Value) -> Value {
    let answer = caller.post(PREVIEW, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}
