//! All routes of the server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Response, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

use super::admin::AdminApi;
use super::api_keys::ApiKeysApi;
use super::audit_log::AuditLogApi;
use super::auth::AuthApi;
use super::base::BASE;
use super::body::{BodyBudgetLayer, BodySettings};
use super::broadcasts::BroadcastsApi;
use super::cache_control::CacheControl;
use super::client_ip::TrustedProxies;
use super::cors::Cors;
use super::document::{DocumentError, document_text};
use super::events::EventsApi;
use super::health;
use super::jobs::JobsApi;
use super::jwks::jwks;
use super::live::{LiveContext, SocketEndpoint, StreamEndpoint};
use super::made_once::made_once;
use super::messages::{ChatApi, MessagesApi};
use super::metrics::{self, MetricsAccess, TenantMetrics};
use super::notifications::NotificationsApi;
use super::pages;
use super::previews::PreviewsApi;
use super::problem::ProblemLayer;
use super::properties::{PropertiesApi, PropertyExportApi, PropertyRefreshApi};
use super::rate_limits::{AddressRateLimit, RateHeaders};
use super::rooms::RoomsApi;
use super::security_headers::SecurityHeaders;
use super::serve::TimeLimit;
use super::spider_health::SpiderHealthApi;
use super::spiders::SpidersApi;
use super::swagger;
use super::tenants::TenantsApi;
use super::uploads::UploadsApi;
use super::usage::UsageApi;
use super::users::UsersApi;
use super::validation::OperationTable;
use super::web_origin::OriginPolicy;
use super::workers::{LeaseLength, WorkersApi};
use crate::protocol::asyncapi;
use crate::protocol::channels::{CHANNELS, ChannelKind};
use crate::session::ConnectionRegistry;

/// All REST resources.
type Apis = (
    AuthApi,
    UsersApi,
    ApiKeysApi,
    TenantsApi,
    AuditLogApi,
    (SpidersApi, SpiderHealthApi, PreviewsApi),
    JobsApi,
    WorkersApi,
    (PropertiesApi, PropertyExportApi, PropertyRefreshApi),
    BroadcastsApi,
    (ChatApi, MessagesApi, RoomsApi),
    NotificationsApi,
    EventsApi,
    AdminApi,
    UsageApi,
    UploadsApi,
);

/// What the router is built from.
pub struct RouterParts {
    pub registry: Arc<ConnectionRegistry>,
    pub origins: OriginPolicy,
    pub proxies: TrustedProxies,
    /// How long a worker's lease lasts.
    pub lease: LeaseLength,
    /// How many tenants have metrics of their own.
    pub tenant_metrics: TenantMetrics,
    /// Which callers may read the node's metrics.
    pub metrics_access: MetricsAccess,
    /// How large bodies may be, each and in total.
    pub bodies: BodySettings,
    /// For requests; streams and sockets have limits of their own.
    pub request_timeout: Duration,
    /// The public URL, if it is configured: the API document names it.
    pub public_url: Option<String>,
    /// The address of sockets and streams, which their document must name.
    pub address: String,
}

fn apis() -> Apis {
    (
        AuthApi,
        UsersApi,
        ApiKeysApi,
        TenantsApi,
        AuditLogApi,
        (SpidersApi, SpiderHealthApi, PreviewsApi),
        JobsApi,
        WorkersApi,
        (PropertiesApi, PropertyExportApi, PropertyRefreshApi),
        BroadcastsApi,
        (ChatApi, MessagesApi, RoomsApi),
        NotificationsApi,
        EventsApi,
        AdminApi,
        UsageApi,
        UploadsApi,
    )
}

fn service() -> OpenApiService<Apis, ()> {
    OpenApiService::new(apis(), "Lotline", env!("CARGO_PKG_VERSION"))
        .description(
            "Crawl jobs, listings and alerts of one tenant. Sockets and streams are described at `/docs/async`. \
             Refusals are `application/problem+json` (RFC 9457). An operation that lists the header `Idempotency-Key` takes \
             it for 24 hours; others ignore it: claims, heartbeats and progress may be repeated as they are, and \
             credentials and users are not kept a second time.",
        )
        .url_prefix(BASE)
}

/// The OpenAPI document, for the public URL.
pub fn openapi(public_url: Option<&str>) -> Result<String, DocumentError> {
    document_text(&service().spec(), public_url)
}

/// The AsyncAPI document, for the public URL.
pub fn asyncapi(public_url: Option<&str>) -> String {
    // A JSON value always serialises.
    serde_json::to_string_pretty(&asyncapi::document(public_url)).unwrap_or_default() + "\n"
}

/// The whole server as one endpoint.
pub fn router(parts: RouterParts) -> impl Endpoint<Output = Response> + 'static {
    let RouterParts {
        registry,
        origins,
        proxies,
        lease,
        tenant_metrics,
        metrics_access,
        bodies,
        request_timeout,
        public_url,
        address,
    } = parts;
    let live = Arc::new(LiveContext {
        registry: Arc::clone(&registry),
        origins: origins.clone(),
        rejects: tokio::sync::Semaphore::new(super::live::MOST_REJECTS),
    });
    let rest = service();
    let broadcasts = OpenApiService::new(BroadcastsApi, "Lotline", env!("CARGO_PKG_VERSION"));
    let chat = OpenApiService::new(ChatApi, "Lotline", env!("CARGO_PKG_VERSION"));
    let documented = address.clone();
    let limit = TimeLimit { clock: registry.clock().clone(), span: request_timeout };
    let operations = Arc::new(operations());
    let entropy = registry.services.entropy;
    let counting = Arc::clone(&registry.services.metrics);
    let gate = AddressRateLimit(Arc::clone(&registry.services));
    let bodies = BodyBudgetLayer::new(bodies, registry.clock().clone());
    let routes = live_routes(&live)
        .nest(BASE, rest.with(limit.clone()).with(gate.clone()))
        .nest("/admin", at_root("/admin", broadcasts).with(limit.clone()).with(gate.clone()))
        .nest("/chat", at_root("/chat", chat).with(limit).with(gate))
        .at("/", get(page(pages::try_it)))
        .at("/set-password", get(page(pages::set_password)))
        .at("/docs", get(made_once(swagger_page, swagger::page_response)))
        .at("/openapi.json", get(made_once(move || openapi(public_url.as_deref()), json_response)))
        .at("/docs/async", get(page(move || pages::documentation(Some(&documented)))))
        .at("/asyncapi.json", get(made_once(move || Ok(asyncapi(Some(&address))), json_response)))
        .at("/problems", get(page(pages::problems_first)))
        .at("/problems/:code", get(pages::problem))
        .at("/close-codes", get(page(pages::close_codes_first)))
        .at("/favicon.ico", get(pages::favicon_ico))
        .at("/favicon.svg", get(pages::favicon_svg))
        .at("/livez", get(health::livez))
        .at("/readyz", get(health::readyz))
        .at("/version", get(health::version))
        .at("/.well-known/jwks.json", get(jwks))
        .at("/metrics", get(metrics::metrics))
        .at("/metrics/tenants", get(metrics::tenant_metrics));
    routes
        .with(bodies)
        .data(Arc::clone(&registry.identity))
        .data(Arc::clone(&registry))
        .data(proxies)
        .data(lease)
        .data(tenant_metrics)
        .data(metrics_access)
        .with(CacheControl)
        .with(ProblemLayer::new(operations, entropy).with_metrics(counting))
        .with(RateHeaders)
        .with(Cors(origins))
        .with(SecurityHeaders)
}

/// Sockets and streams: one handler for all addresses that existing clients use.
fn live_routes(live: &Arc<LiveContext>) -> Route {
    CHANNELS.iter().fold(Route::new(), |routes, channel| {
        let live = Arc::clone(live);
        match channel.kind {
            ChannelKind::Socket(kind) => routes.at(channel.route(), get(SocketEndpoint { live, kind })),
            ChannelKind::Stream(kind) => routes.at(channel.route(), get(StreamEndpoint { live, kind })),
        }
    })
}

/// The methods and parameters of each address, for refusals.
fn operations() -> OperationTable {
    let read = &[Method::GET];
    let pages = [
        "/",
        "/set-password",
        "/docs",
        "/openapi.json",
        "/docs/async",
        "/asyncapi.json",
        "/problems",
        "/problems/:code",
        "/close-codes",
        "/favicon.ico",
        "/favicon.svg",
    ];
    let health = ["/livez", "/readyz", "/version", "/.well-known/jwks.json", "/metrics", "/metrics/tenants"];
    let known =
        OperationTable::new().with_api::<Apis>(BASE).with_api::<BroadcastsApi>("").with_api::<ChatApi>("");
    let known = CHANNELS.iter().fold(known, |known, channel| known.with_route(&channel.route(), read));
    pages.iter().chain(&health).fold(known, |known, path| known.with_route(path, read))
}

/// An operation at the address that existing clients use, under `first` at the root.
fn at_root<T: OpenApi + 'static>(
    first: &'static str,
    service: OpenApiService<T, ()>,
) -> impl Endpoint<Output = Response> {
    service.map_to_response().before(move |mut request: poem::Request| async move {
        // The service knows the operation by its whole path; nesting has removed the first part.
        let path = format!("{first}{}", request.uri().path());
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(uri) = format!("{path}{query}").parse() {
            *request.uri_mut() = uri;
        }
        Ok(request)
    })
}

/// The page calls the server that it came from, whatever address the document names to others.
fn swagger_page() -> Result<String, DocumentError> {
    let service = service();
    Ok(swagger::page(&service, &document_text(&service.spec(), None)?))
}

fn page(make: impl FnOnce() -> String + Send + 'static) -> impl Endpoint<Output = Response> + 'static {
    made_once(move || Ok(make()), pages::html_response)
}

fn json_response(document: Bytes) -> Response {
    Response::builder().content_type("application/json").body(document)
}
