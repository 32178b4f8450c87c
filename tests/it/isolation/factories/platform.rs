//! Tenants, which only operators see: a tenant's users cannot even see their own. And the node's status.

use serde_json::json;

use crate::isolation::call::Call;
use crate::isolation::case::{CallerKind, Case};
use crate::isolation::resources::id;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    let acme = world.app.acme.0;
    let case = match operation {
        "list_tenants" => Case::new(Call::get("/api/v1/tenants")),
        "create_tenant" => {
            let body = json!({ "slug": "{slug}", "name": "New",
                "admin": { "username": "{user}", "email": "{user}@mail.example" } });
            let case = Case::new(Call::post("/api/v1/tenants").json(body));
            let (_, taken) = world.has_user().await;
            case.free(world, "slug", &world.unused_word(), "acme").free(
                world,
                "user",
                &world.unused_word(),
                &taken,
            )
        }
        "get_tenant" => Case::new(Call::get("/api/v1/tenants/{tenant}")).number("tenant", acme),
        "update_tenant" => {
            let call =
                Call::patch("/api/v1/tenants/{tenant}").json(json!({ "name": world.canary_text("name") }));
            Case::new(call).number("tenant", acme)
        }
        "delete_tenant" => {
            // One that the other operations do not need.
            let slug = world.unused_word();
            let new = Call::post("/api/v1/tenants")
                .json(json!({ "slug": slug, "name": world.canary_text("tenant") }));
            let made = new.send(world.app, Some(&world.operator)).await.json();
            let call = Call::delete("/api/v1/tenants/{tenant}").query("confirm", slug);
            Case::new(call).number("tenant", id(&made, "id"))
        }
        "get_metrics" => Case::new(Call::get("/metrics")),
        "get_tenant_metrics" => Case::new(Call::get("/metrics/tenants")),
        "livez" | "readyz" | "version" => Case::new(Call::get(&format!("/{operation}"))),
        "get_key_set" => Case::new(Call::get("/.well-known/jwks.json")),
        "get_openapi_document" => Case::new(Call::get("/openapi.json")),
        "get_asyncapi_document" => Case::new(Call::get("/asyncapi.json")),
        "get_tenant_usage" => Case::new(Call::get("/api/v1/tenants/{tenant}/usage")).number("tenant", acme),
        _ => return None,
    };
    Some(vec![case.by(CallerKind::Operator)])
}
