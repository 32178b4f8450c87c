//! Pages for people. They are self-contained: they load nothing from elsewhere and connect to this server only.

mod layout;
mod live;
mod problems;
mod response;

use bytes::Bytes;
use poem::http::header;
use poem::{Response, handler};

use layout::page_with_script;
pub use layout::{HEADER_STYLE, header};
pub use live::documentation;
pub use problems::{close_codes_first, problem, problems_first};
pub use response::html_response;

/// The page to connect and send messages interactively.
pub fn try_it() -> String {
    page_with_script("Lotline", "/", include_str!("try.html"), include_str!("try.js"))
}

/// The page behind a one-time link.
pub fn set_password() -> String {
    let (html, script) = (include_str!("set-password.html"), include_str!("set-password.js"));
    page_with_script("Lotline: set a password", "/set-password", html, script)
}

/// The icon of the pages, for browsers that request it by its traditional name.
#[handler]
pub fn favicon_ico() -> Response {
    picture("image/x-icon", include_bytes!("favicon.ico"))
}

#[handler]
pub fn favicon_svg() -> Response {
    picture("image/svg+xml", include_bytes!("favicon.svg"))
}

fn picture(media_type: &str, bytes: &'static [u8]) -> Response {
    Response::builder()
        .content_type(media_type)
        .header(header::CACHE_CONTROL, "public, max-age=86400")
        .body(Bytes::from_static(bytes))
}
