//! What people need to shape a spider: the preview of a page, and ready rules.

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;

use super::body::Body;
use super::caller::{Caller, ManageSpiders, ReadSpiders};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::domain::previews;
use crate::domain::spiders::presets;
use crate::protocol::preview::{NewPreview, Preset, Preview};
use crate::protocol::problem::Problem;

pub struct PreviewsApi;

#[OpenApi(tag = "Tag::Jobs")]
impl PreviewsApi {
    /// Preview a page
    ///
    /// Requests the page as a job does, past guard, robots.txt and politeness, and answers what each layer of it read,
    /// which field came from where, why something was not taken, and its links by worth. Nothing is stored. A host that
    /// answers with an error, or whose robots.txt forbids the page, is no refusal: the answer says so. One preview of a
    /// tenant runs at a time, of at most 50 seconds; a further one is refused with 429.
    #[oai(path = "/spiders/preview", method = "post", operation_id = "preview_page")]
    async fn preview(
        &self,
        caller: Caller<ManageSpiders>,
        body: Body<NewPreview>,
    ) -> Result<Json<Preview>, Problem> {
        Ok(Json(previews::preview(&caller.op, body.0).await?))
    }

    /// List presets
    ///
    /// Ready rules for the sites of common platforms, in the order of their names. A spider names one as `preset`: its
    /// own rules win over it.
    #[oai(path = "/spiders/presets", method = "get", operation_id = "list_presets")]
    async fn presets(
        &self,
        request: &Request,
        caller: Caller<ReadSpiders>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Preset>, Problem> {
        let page = presets::list(&caller.op, page_request(limit.0, cursor.0.as_deref())?)?;
        Ok(listed(request, page))
    }
}
