//! `/metrics` and `/metrics/tenants`. They are for the machine's own collector, which needs no credential, and for
//! operators. A proxy on the same machine looks like the machine itself, so a request that was forwarded, or that was
//! meant for another host's name, is a stranger's and needs a credential.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::header;
use poem::web::Data;
use poem::{Request, Response, handler};

use super::caller::bearer;
use crate::auth::permission::Permission;
use crate::auth::scope::SystemReason;
use crate::domain::identity::authenticate::Credential;
use crate::domain::op::forbidden;
use crate::protocol::problem::Problem;
use crate::session::Sessions;
use crate::storage::tenants;
use crate::telemetry::metrics::{Text, tenants_text};

/// How many tenants have figures of their own; none: nobody is told any.
#[derive(Clone, Copy, Debug)]
pub struct TenantMetrics(pub Option<usize>);

/// Headers by which a proxy says that it stands in between.
const FORWARDING: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/// The node's figures.
#[handler]
pub async fn metrics(request: &Request, Data(sessions): Data<&Arc<Sessions>>) -> Result<Response, Problem> {
    admit(request, sessions).await?;
    Ok(answer(sessions.metrics_text().await))
}

/// Figures of single tenants, for whoever has asked for them in the configuration.
#[handler]
pub async fn tenant_metrics(
    request: &Request,
    Data(sessions): Data<&Arc<Sessions>>,
    Data(TenantMetrics(most)): Data<&TenantMetrics>,
) -> Result<Response, Problem> {
    admit(request, sessions).await?;
    let most = most.ok_or_else(Problem::not_found)?;
    let meters = sessions.kernel.metrics.tenants.busiest_first();
    let (busiest, rest) = meters.split_at(most.min(meters.len()));
    let ids: Vec<_> = busiest.iter().map(|(id, _)| *id).collect();
    let tx = sessions.kernel.db.system(SystemReason::Health).read().await?;
    let slugs = tenants::slugs(&tx, &ids).await?;
    let named = busiest.iter().filter_map(|(id, meter)| {
        let (_, slug) = slugs.iter().find(|(known, _)| known == id)?;
        Some((slug.clone(), Arc::clone(meter)))
    });
    Ok(answer(tenants_text(&named.collect::<Vec<_>>(), rest)))
}

/// A credential that is shown is judged, wherever it comes from; without one only the machine itself is let in.
async fn admit(request: &Request, sessions: &Sessions) -> Result<(), Problem> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return if is_local(request) { Ok(()) } else { Err(Problem::authentication_required()) };
    }
    let admitted = sessions.identity.authenticate(Credential::Header(bearer(request)?)).await?;
    if admitted.principal.may(Permission::ReadNodeStatus) { Ok(()) } else { Err(forbidden()) }
}

/// Whether the request is of this machine: the peer, the name that it asked for, and nobody in between.
fn is_local(request: &Request) -> bool {
    let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip().to_canonical());
    let from_here = peer.is_some_and(|peer| peer.is_loopback());
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let asked_here = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_loopback_host),
        _ => false,
    };
    from_here && asked_here && FORWARDING.iter().all(|name| !request.headers().contains_key(*name))
}

/// `localhost` or a loopback address, with or without a port. A page whose own name was made to lead here still asks
/// for that name.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn answer(text: String) -> Response {
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
