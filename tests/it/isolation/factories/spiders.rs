//! Spiders. A name belongs to its tenant.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    let spider = match operation {
        "list_spiders" | "create_spider" | "get_spider" | "get_spider_health" | "put_spider"
        | "delete_spider" => world.has_spider().await,
        _ => return None,
    };
    let one = |call: Call| Case::new(call).word(world, "spider", &spider);
    let page = format!("/api/v1/spiders/{spider}");
    Some(vec![match operation {
        "list_spiders" => Case::new(Call::get("/api/v1/spiders")).shows(),
        "create_spider" => {
            let taken = world.unused_word();
            world.has_spider_named(&taken).await;
            let call =
                Call::post("/api/v1/spiders").json(json!({ "name": "{spider}", "runner": "external" }));
            let case = Case::new(call).free(world, "spider", &world.canary_text("new"), &taken);
            case.unchanged(format!("/api/v1/spiders/{taken}"))
        }
        "get_spider" => one(Call::get("/api/v1/spiders/{spider}")).shows(),
        "get_spider_health" => one(Call::get("/api/v1/spiders/{spider}/health")).shows(),
        "put_spider" => {
            one(Call::put("/api/v1/spiders/{spider}").json(json!({ "runner": "builtin" }))).unchanged(page)
        }
        _ => one(Call::delete("/api/v1/spiders/{spider}")).unchanged(page),
    }])
}
