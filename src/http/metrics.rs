//! `/metrics` and `/metrics/tenants`. On the main listener they require `telemetry.metrics_key` or an operator's
//! token: the peer address proves nothing, since a proxy on the same machine looks like the machine itself. A
//! separate listener (`telemetry.metrics_bind`) serves nothing else, and requires no credential on loopback.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::{Method, header};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Request, Response, Route, get, handler};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::caller::bearer;
use super::problem::ProblemLayer;
use super::problem::oauth::REALM;
use super::security_headers::SecurityHeaders;
use super::validation::OperationTable;
use crate::auth::permission::Permission;
use crate::domain::identity::authenticate::Credential;
use crate::domain::identity::tenants;
use crate::domain::op::forbidden;
use crate::protocol::problem::{Code, Problem};
use crate::session::ConnectionRegistry;
use crate::telemetry::metrics::{Text, tenants_text};

/// How many tenants have metrics of their own; `None`: these metrics are off.
#[derive(Clone, Copy, Debug)]
pub struct TenantMetrics(pub Option<usize>);

/// Which callers may read the metrics.
#[derive(Clone, Debug)]
pub struct MetricsAccess {
    /// The hash of `telemetry.metrics_key`: hashes have one length, so that comparing them takes constant time.
    key: Option<[u8; 32]>,
    /// The listener is on loopback and serves nothing but metrics.
    is_own_loopback: bool,
}

impl MetricsAccess {
    /// On the listener that serves everything.
    pub fn on_main(key: Option<&SecretString>) -> Self {
        Self { key: key.map(|key| hash(key.expose_secret())), is_own_loopback: false }
    }

    /// On a separate listener for metrics at `bind`.
    pub fn on_own(key: Option<&SecretString>, bind: IpAddr) -> Self {
        Self { is_own_loopback: bind.is_loopback(), ..Self::on_main(key) }
    }

    fn is_key(&self, text: &str) -> bool {
        self.key.is_some_and(|key| key.ct_eq(&hash(text)).into())
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The metrics alone, for a separate listener.
pub fn metrics_router(
    sessions: &Arc<ConnectionRegistry>,
    access: MetricsAccess,
    tenants: TenantMetrics,
) -> impl Endpoint<Output = Response> + 'static {
    let paths = ["/metrics", "/metrics/tenants"];
    let known =
        paths.iter().fold(OperationTable::new(), |known, path| known.with_route(path, &[Method::GET]));
    Route::new()
        .at("/metrics", get(metrics))
        .at("/metrics/tenants", get(tenant_metrics))
        .data(Arc::clone(sessions))
        .data(access)
        .data(tenants)
        .with(ProblemLayer::new(Arc::new(known), sessions.services.entropy))
        .with(SecurityHeaders)
}

/// The node's metrics.
#[handler]
pub async fn metrics(
    request: &Request,
    Data(sessions): Data<&Arc<ConnectionRegistry>>,
    Data(access): Data<&MetricsAccess>,
) -> Result<Response, Problem> {
    authorize(request, sessions, access).await?;
    Ok(text_response(sessions.metrics_text().await))
}

/// Metrics of single tenants, if the configuration turns them on.
#[handler]
pub async fn tenant_metrics(
    request: &Request,
    Data(sessions): Data<&Arc<ConnectionRegistry>>,
    Data(access): Data<&MetricsAccess>,
    Data(TenantMetrics(most)): Data<&TenantMetrics>,
) -> Result<Response, Problem> {
    authorize(request, sessions, access).await?;
    let most = most.ok_or_else(Problem::not_found)?;
    let meters = sessions.services.metrics.tenants.busiest_first();
    let (busiest, rest) = meters.split_at(most.min(meters.len()));
    let ids: Vec<_> = busiest.iter().map(|(id, _)| *id).collect();
    let slugs = tenants::slugs(&sessions.services, &ids).await?;
    let named = busiest.iter().filter_map(|(id, meter)| {
        let (_, slug) = slugs.iter().find(|(known, _)| known == id)?;
        Some((slug.clone(), Arc::clone(meter)))
    });
    Ok(text_response(tenants_text(&named.collect::<Vec<_>>(), rest)))
}

/// A credential is checked if there is one, whatever the peer address.
async fn authorize(
    request: &Request,
    sessions: &ConnectionRegistry,
    access: &MetricsAccess,
) -> Result<(), Problem> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return if access.is_own_loopback && is_loopback_request(request) {
            Ok(())
        } else {
            Err(unauthenticated(access))
        };
    }
    let shown = bearer(request)?;
    if access.is_key(shown) {
        return Ok(());
    }
    let authenticated = sessions.identity.authenticate(Credential::Header(shown)).await?;
    if authenticated.principal.may(Permission::ReadNodeStatus) {
        Ok(())
    } else {
        Err(forbidden(Permission::ReadNodeStatus))
    }
}

fn unauthenticated(access: &MetricsAccess) -> Problem {
    let words = if access.key.is_some() {
        "Send telemetry.metrics_key, or an operator's token, as `Authorization: Bearer`."
    } else {
        "Set telemetry.metrics_key and send it as `Authorization: Bearer`, or give the figures a listener of their own \
         with telemetry.metrics_bind; an operator's token is taken too."
    };
    Problem::new(Code::Unauthenticated, words).header("www-authenticate", REALM)
}

/// Whether `Host` is a name of this machine. After DNS rebinding, a page's request has the page's own name there.
fn is_loopback_request(request: &Request) -> bool {
    let host = request.headers().get(header::HOST);
    host.is_some_and(|host| host.to_str().is_ok_and(is_loopback_host))
}

/// `localhost` or a loopback address, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn text_response(text: String) -> Response {
    Response::builder().content_type(Text::CONTENT_TYPE).header(header::CACHE_CONTROL, "no-store").body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "LOCALHOST:8001", "127.0.0.1:8001", "127.9.9.9", "[::1]:8001", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in
            ["localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1:8001", "[::2]:8001", "", "::1"]
        {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
