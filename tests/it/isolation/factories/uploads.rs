//! Uploaded files.

use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::resources::id;
use crate::isolation::world::World;

pub async fn cases(world: &World<'_>, operation: &str) -> Option<Vec<Case>> {
    Some(match operation {
        "create_upload" => vec![Case::new(Call::post("/api/v1/uploads").file("plan.txt", "a plan"))],
        "list_uploads" => {
            world.has_upload().await;
            world.has_upload().await;
            let me = world.admin_does(Call::get("/api/v1/users/me")).await.json();
            let call = || Call::get("/api/v1/uploads");
            let of_user = Case::new(call().query("user_id", "{user}")).number("user", id(&me, "id"));
            vec![Case::new(call()).shows(), of_user.shows()]
        }
        "get_upload" => {
            let upload = world.has_upload().await;
            vec![Case::new(Call::get("/api/v1/uploads/{upload}")).uuid("upload", &upload).shows()]
        }
        "get_upload_content" => {
            let upload = world.has_upload().await;
            vec![Case::new(Call::get("/api/v1/uploads/{upload}/content")).uuid("upload", &upload).shows()]
        }
        "delete_upload" => {
            let upload = world.has_upload().await;
            let page = format!("/api/v1/uploads/{upload}");
            vec![Case::new(Call::delete("/api/v1/uploads/{upload}")).uuid("upload", &upload).unchanged(page)]
        }
        _ => return None,
    })
}
