//! Previews of pages, and presets, which are the same in every tenant. No page is requested here.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lotline::base::ids::TenantId;
use lotline::domain::error::Result;
use lotline::domain::kept_pages::KeptBody;
use lotline::domain::previews::{PageReader, Preview, PreviewRequest, ReadFields};
use lotline::protocol::spider_rules::SpiderRules;
use poem_openapi::types::Example;
use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

/// Answers every request with the same page.
struct OnePage;

impl PageReader for OnePage {
    fn preview<'a>(&'a self, _: TenantId, _: &'a PreviewRequest) -> BoxFuture<'a, Result<Preview>> {
        async { Ok(Preview::example()) }.boxed()
    }

    fn read_kept<'a>(
        &'a self,
        _: TenantId,
        _: &'a KeptBody,
        _: &'a SpiderRules,
    ) -> BoxFuture<'a, Option<ReadFields>> {
        async { None }.boxed()
    }
}

/// Previews hold their reader weakly.
static READER: OnceLock<Arc<dyn PageReader>> = OnceLock::new();

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "preview_page" => {
            world.app.services.previews.set_reader(READER.get_or_init(|| Arc::new(OnePage)));
            let spider = world.canary_text("spider");
            let body = json!({ "name": spider, "runner": "builtin" });
            world.admin_does(Call::post("/api/v1/spiders").json(body)).await;
            let page = json!({ "url": "https://portal.example/home/1", "spider": "{spider}" });
            let call = Call::post("/api/v1/spiders/preview").json(page);
            vec![Case::new(call).word(world, "spider", &spider)]
        }
        "list_presets" => vec![Case::new(Call::get("/api/v1/spiders/presets"))],
        _ => return None,
    })
}
