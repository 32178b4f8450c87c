//! Rate limits of requests, and their headers (draft-ietf-httpapi-ratelimit-headers). The address is counted before
//! any costly work; the caller and the tenant as soon as they are known.

use std::sync::Arc;

use parking_lot::Mutex;
use poem::http::HeaderValue;
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::client_ip;
use crate::auth::principal::Principal;
use crate::base::gcra::RateState;
use crate::base::ip_prefix::IpPrefix;
use crate::domain::limits::{Limits, TenantRate};
use crate::domain::op::Services;
use crate::protocol::problem::{Code, Problem};

/// The counts of one request, by policy; [`RateHeaders`] adds it to the request's data.
#[derive(Clone, Default)]
struct CountedLimits(Arc<Mutex<Vec<(Policy, RateState)>>>);

/// The subject of a limit. The names are sent to clients and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Address,
    Caller,
    Tenant,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Caller => "user",
            Self::Tenant => "tenant",
        }
    }

    fn words(self, most: u64) -> String {
        match self {
            Self::Address => {
                format!("Your address makes more than the {most} requests a second that it may make.")
            }
            Self::Caller => format!("You make more than the {most} requests a second that you may make."),
            Self::Tenant => format!("Your tenant has used up its quota of {most} requests a second."),
        }
    }
}

/// Counts a request for its address; this comes before anything else.
pub async fn count_address(request: &Request, services: &Services) -> Result<(), Problem> {
    let Some(address) = client_ip::address(request) else { return Ok(()) };
    let level = services.limits.count_address_request(IpPrefix::of(address), services.clock.now()).await;
    check(request, Policy::Address, level)
}

/// Counts a request for its caller, then for the tenant, which does not pay for what the caller's limit refuses.
pub async fn count_caller(
    request: &Request,
    services: &Services,
    principal: &Principal,
) -> Result<(), Problem> {
    let (limits, now): (&Limits, _) = (&services.limits, services.clock.now());
    check(request, Policy::Caller, limits.count_caller_request(principal, now).await)?;
    let Some(scope) = principal.scope() else { return Ok(()) };
    check(request, Policy::Tenant, limits.take(scope.tenant_id(), TenantRate::Requests, now).await)
}

fn check(request: &Request, policy: Policy, level: Option<RateState>) -> Result<(), Problem> {
    let Some(level) = level else { return Ok(()) };
    if let Some(counted) = request.data::<CountedLimits>() {
        counted.0.lock().push((policy, level));
    }
    match level.retry_after_secs {
        Some(seconds) => {
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            Err(Problem::new(Code::RateLimited, policy.words(level.per_second)).retry_after(seconds))
        }
        None => Ok(()),
    }
}

/// Wraps REST: refuses an address over its rate limit, before cryptography and database.
#[derive(Clone)]
pub struct AddressRateLimit(pub Arc<Services>);

pub struct AddressRateLimitEndpoint<E> {
    inner: E,
    services: Arc<Services>,
}

impl<E: Endpoint> Middleware<E> for AddressRateLimit {
    type Output = AddressRateLimitEndpoint<E>;

    fn transform(&self, inner: E) -> AddressRateLimitEndpoint<E> {
        AddressRateLimitEndpoint { inner, services: Arc::clone(&self.0) }
    }
}

impl<E: Endpoint> Endpoint for AddressRateLimitEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        count_address(&request, &self.services).await?;
        self.inner.call(request).await.map(IntoResponse::into_response)
    }
}

/// Wraps everything that answers, refusals included, and adds the headers with the state of the limits.
pub struct RateHeaders;

pub struct RateHeadersEndpoint<E>(E);

impl<E: Endpoint<Output = Response>> Middleware<E> for RateHeaders {
    type Output = RateHeadersEndpoint<E>;

    fn transform(&self, inner: E) -> RateHeadersEndpoint<E> {
        RateHeadersEndpoint(inner)
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for RateHeadersEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let counted = CountedLimits::default();
        request.set_data(counted.clone());
        let mut response = self.0.call(request).await?;
        add_headers(&counted.0.lock(), &mut response);
        Ok(response)
    }
}

fn add_headers(counted: &[(Policy, RateState)], response: &mut Response) {
    if counted.is_empty() {
        return;
    }
    let list = |item: &dyn Fn(&'static str, &RateState) -> String| {
        counted.iter().map(|(policy, level)| item(policy.name(), level)).collect::<Vec<_>>().join(", ")
    };
    let policies = list(&|name, level| format!("\"{name}\";q={};w=1", level.per_second));
    let levels = list(&|name, level| format!("\"{name}\";r={};t={}", level.remaining, level.full_in_secs));
    let headers = response.headers_mut();
    // Digits and our own names are always valid in a header.
    if let (Ok(policies), Ok(levels)) = (HeaderValue::from_str(&policies), HeaderValue::from_str(&levels)) {
        headers.insert("ratelimit-policy", policies);
        headers.insert("ratelimit", levels);
    }
}
