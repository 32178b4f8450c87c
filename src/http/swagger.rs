//! The page `/docs`: Swagger UI with our document in it. The page is self-contained; it loads nothing, and its policy
//! lets it connect to this server only.

use bytes::Bytes;
use poem::http::header;
use poem::{IntoResponse, Response};
use poem_openapi::{OpenApi, OpenApiService, Webhook};

use super::pages::{self, HEADER_STYLE};

/// Scripts and styles are inline. Without `connect-src 'self'` the buttons would not work; without the rest a default
/// of Swagger UI would ask a validator on the network to check the page's address.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The library has no dark style, and some of its light one is hard to read: the colours are those of our
/// other pages.
const STYLE: &str = include_str!("swagger.css");

/// What the library's page lacks: a width for phones, a title and our icon.
const HEAD: &str = "<title>Lotline: REST</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
                    <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">";

/// The page for a document made of this service's specification.
pub fn page<T: OpenApi, W: Webhook>(service: &OpenApiService<T, W>, document: &str) -> String {
    with_document(&service.swagger_ui_html(), &service.spec(), document)
}

/// The page's answer.
pub fn page_response(page: Bytes) -> Response {
    Response::builder()
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::REFERRER_POLICY, "no-referrer")
        .content_type("text/html; charset=utf-8")
        .body(page)
        .into_response()
}

fn with_document(html: &str, spec: &str, document: &str) -> String {
    // The document is inside of a script: a `</script>` in a description would end it.
    let document = document.replace("</", "<\\/");
    html.replacen(spec, &document, 1)
        .replacen("<title>Swagger UI</title>", &format!("{HEAD}<style>{HEADER_STYLE}{STYLE}</style>"), 1)
        // Scripts of the library contain the same tags, without the line break.
        .replacen("</head>\n<body>", &format!("</head>\n<body>{}", pages::header("/docs")), 1)
        .replacen(
            "deepLinking: true,",
            "deepLinking: true, validatorUrl: null, persistAuthorization: false,",
            1,
        )
}
