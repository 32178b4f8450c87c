//! Composes the parts of a node, runs them until the stop signal, and shuts them down in a defined order.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reload::Reloadable;
use super::shutdown::{self, Shutdown, ShutdownTokens};
use super::signing_keys::MissingKeys;
use super::start_error::StartError;
use super::{
    background, file_limits, issuers, node_id, seal_key, signing_keys, start_checks, uploads, wiring as parts,
};
use crate::auth::password::Passwords;
use crate::auth::throttle::{LoginThrottle, ThrottleSettings};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::cluster::SharedState;
use crate::cluster::memory::{MemoryUsedTickets, UsedTicketLimits};
use crate::config::Settings;
use crate::crawler::reader::ReaderProgram;
use crate::domain::identity::key_sets::KeySets;
use crate::domain::identity::tickets::TicketParts;
use crate::domain::identity::{Identity, IdentityParts, bootstrap, failed_sign_ins};
use crate::domain::kept_pages::settings::KeptPages;
use crate::domain::limits::{Limits, overrides};
use crate::domain::op::Services;
use crate::http::client_ip::TrustedProxies;
use crate::http::metrics::{MetricsAccess, TenantMetrics, metrics_router};
use crate::http::router::{RouterParts, router};
use crate::http::serve::{Listener, ServeSettings, serve};
use crate::http::web_origin::OriginPolicy;
use crate::http::workers::LeaseLength;
use crate::session::settings::SessionSettings;
use crate::session::{ConnectionRegistry, relay, remote_messages, role_change, suspended_tenants};
use crate::storage::Database;

/// The most connections of metrics collectors.
const METRICS_CONNECTIONS: usize = 16;

/// A node that is built and listens, but does not serve yet.
pub struct App {
    pub identity: Arc<Identity>,
    pub registry: Arc<ConnectionRegistry>,
    services: Services,
    listener: Listener,
    /// For metrics only.
    metrics: Option<Listener>,
    serving: ServeSettings,
    router: RouterParts,
    work: TaskTracker,
    settings: Settings,
    readers: ReaderProgram,
}

impl App {
    /// Opens the store, loads the keys, binds the address. All errors of a start are reported here. `readers` is the
    /// program that parses pages: only the caller knows whether that can be the current executable.
    pub async fn build(
        settings: &Settings,
        clock: Clock,
        readers: ReaderProgram,
    ) -> Result<Self, StartError> {
        start_checks::refuse_cluster(settings)?;
        let db = Database::open(&parts::database(settings)).await?;
        let shared = SharedState::of_one_node();
        let mut services = Services::new(db, clock, Entropy, shared, parts::ephemeral(settings));
        services.node = node_id::load(&settings.server.data_dir, &services.clock);
        services.job_settings = parts::jobs(settings);
        services.limits = Arc::new(Limits::new(parts::limits(settings), Arc::clone(&services.rates)));
        services.uploads = Arc::new(uploads::open(settings).await?);
        services.kept_pages = Arc::new(KeptPages::new(parts::kept_pages(settings)));
        services.seal = Arc::new(seal_key::load(settings, services.entropy)?);
        overrides::refresh(&services)
            .await
            .map_err(|problem| StartError::Quotas(problem.detail.into_owned()))?;
        let listener = Listener::bind(settings.server.bind)?;
        let metrics = settings.telemetry.metrics_bind.map(Listener::bind).transpose();
        let metrics = metrics.map_err(StartError::metrics_bind)?;
        let work = TaskTracker::new();
        let context = IdentityContext {
            work: &work,
            address: listener.local_addr(),
            missing_keys: MissingKeys::Generate,
        };
        let identity = Arc::new(build_identity(settings, &services, context)?);
        install_account_check(&services, &identity);
        bootstrap_first_admin(settings, &identity).await?;
        let serving = file_limits::fit_to_open_files(parts::serve(settings));
        let session_settings =
            SessionSettings { max_connections: serving.max_live_connections(), ..parts::sessions(settings) };
        let registry = ConnectionRegistry::new(services.clone(), Arc::clone(&identity), session_settings);
        let address = listener.local_addr();
        let router = RouterParts {
            registry: Arc::clone(&registry),
            origins: OriginPolicy::new(
                &settings.cors.allowed_origins,
                settings.server.public_url.as_deref(),
                address.ip().is_loopback(),
            ),
            proxies: TrustedProxies::new(&settings.server.trusted_proxies),
            request_timeout: settings.server.request_timeout(),
            lease: LeaseLength(settings.limits.lease()),
            tenant_metrics: TenantMetrics(settings.telemetry.tenant_metrics),
            metrics_access: MetricsAccess::on_main(settings.telemetry.metrics_key.as_ref()),
            bodies: parts::bodies(settings),
            public_url: settings.server.public_url.clone(),
            address: parts::advertised_url(settings, address),
        };
        let (trusted, origins) = (router.proxies.clone(), Some(router.origins.clone()));
        let serving = ServeSettings { trusted, origins, ..serving };
        let settings = settings.clone();
        Ok(Self { identity, registry, services, listener, metrics, serving, router, work, settings, readers })
    }

    /// The address of the separate metrics listener.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Listener::local_addr)
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    pub fn services(&self) -> &Services {
        &self.services
    }

    /// The parts that can be reconfigured while the node runs.
    pub fn reloadable(&self) -> Reloadable {
        Reloadable {
            origins: self.router.origins.clone(),
            proxies: self.router.proxies.clone(),
            identity: Arc::downgrade(&self.identity),
        }
    }

    /// Serves until `stop`, then shuts down in this order: fail readiness, close sockets and streams over a while,
    /// stop accepting, finish running requests, end background work, close the store.
    pub async fn run_until_stopped(self, stop: CancellationToken) -> Result<(), StartError> {
        let Self {
            registry,
            services,
            listener,
            metrics,
            mut serving,
            router: parts,
            work,
            settings,
            identity,
            readers,
        } = self;
        let endpoint = router(parts);
        let tokens = ShutdownTokens::default();
        serving.abort_drain = tokens.cut.clone();
        let background = tokens.background.clone();
        let liveness = Arc::clone(&registry.health.relay_liveness);
        work.spawn(relay::run(
            services.clone(),
            settings.eventlog.poll_interval(),
            liveness,
            background.clone(),
        ));
        let watching =
            background::start_watchdog(&work, &registry, settings.telemetry.stall_limit, &background)?;
        work.spawn(Arc::clone(&registry).supervise(background.clone()));
        work.spawn(Arc::clone(&identity.key_sets).run(background.clone()));
        work.spawn(failed_sign_ins::run(Arc::clone(&identity), background.clone()));
        work.spawn(suspended_tenants::run(Arc::clone(&registry), background.clone()));
        work.spawn(role_change::run(Arc::clone(&registry), background.clone()));
        work.spawn(remote_messages::run(Arc::clone(&registry), background.clone()));
        background::spawn(&work, &services, &settings, &background);
        // Crawls are released first, while other nodes can claim them and connected clients can still be notified.
        background::start_crawler(&work, &services, &settings, readers, registry.stopping())?;
        if let Some(listener) = metrics {
            let access =
                MetricsAccess::on_own(settings.telemetry.metrics_key.as_ref(), listener.local_addr().ip());
            let tenants = TenantMetrics(settings.telemetry.tenant_metrics);
            let metrics_endpoint = metrics_router(&registry, access, tenants);
            let metrics_settings =
                ServeSettings { max_connections: METRICS_CONNECTIONS, reserved: 1, ..serving.clone() };
            work.spawn(serve(
                listener,
                metrics_endpoint,
                metrics_settings,
                services.clock.clone(),
                background.clone(),
            ));
        }
        let shutdown = Shutdown::new(&settings.server);
        let cleanup_timeout = shutdown.cleanup_timeout();
        work.spawn(shutdown.run(Arc::clone(&registry), stop, tokens.clone()));
        let drained =
            serve(listener, endpoint, serving, services.clock.clone(), tokens.closing.clone()).await;
        if drained.aborted > 0 {
            tracing::warn!(
                requests = drained.aborted,
                "requests were still running at the end of the grace period, and were cut"
            );
        }
        registry.tasks.close();
        tokio::select! {
            biased;
            () = registry.tasks.wait() => {}
            () = tokens.cut.cancelled() => tracing::warn!("sockets were still open at the end of the grace"),
        }
        background.cancel();
        drop((identity, registry));
        work.close();
        shutdown::with_timeout(&services.clock, cleanup_timeout, "background work", work.wait()).await;
        if let Some(watching) = watching {
            watching.stop();
        }
        let db = services.db.clone();
        let closing = async {
            if let Err(error) = db.close().await {
                tracing::warn!(%error, "the database was not closed cleanly");
            }
        };
        shutdown::with_timeout(&services.clock, cleanup_timeout, "the database", closing).await;
        Ok(())
    }
}

/// What an identity is built with besides the settings and the services.
pub(super) struct IdentityContext<'a> {
    /// Runs what hashes passwords.
    pub(super) work: &'a TaskTracker,
    pub(super) address: SocketAddr,
    pub(super) missing_keys: MissingKeys,
}

pub(super) fn build_identity(
    settings: &Settings,
    services: &Services,
    context: IdentityContext<'_>,
) -> Result<Identity, StartError> {
    let IdentityContext { work, address, missing_keys } = context;
    let ring = signing_keys::load(settings, &services.clock, services.entropy, missing_keys)?;
    let (issuers, sources) = issuers::load(&settings.auth, &ring)?;
    let key_sets = KeySets::new(sources, services.clock.clone())
        .map_err(|error| StartError::Issuers(error.to_string()))?;
    let passwords =
        Passwords::new(parts::passwords(settings), services.clock.clone(), services.entropy, work.clone())
            .map_err(|error| StartError::Keys(error.to_string()))?;
    let identity_parts = IdentityParts {
        passwords,
        throttle: LoginThrottle::new(ThrottleSettings::default()),
        ring,
        issuers,
        key_sets: Arc::new(key_sets),
        tickets: TicketParts {
            used: Arc::new(MemoryUsedTickets::new(
                services.clock.clone(),
                services.entropy,
                UsedTicketLimits::default(),
            )),
            streams_per_owner: settings.limits.streams_per_user as usize,
        },
    };
    Ok(Identity::new(services.clone(), parts::identity(settings, address), identity_parts))
}

/// Installs the check that every change makes of its caller's account.
fn install_account_check(services: &Services, identity: &Arc<Identity>) {
    let identity = Arc::downgrade(identity);
    services.set_principal_check(move |principal| {
        let identity = identity.upgrade();
        Box::pin(async move {
            match identity {
                Some(identity) => identity.recheck_permissions(&principal).await,
                // The node is shutting down: nothing is answered any more.
                None => Ok(()),
            }
        })
    });
}

async fn bootstrap_first_admin(settings: &Settings, identity: &Identity) -> Result<(), StartError> {
    let Some(first) = &settings.bootstrap.first_admin else { return Ok(()) };
    let made = bootstrap::first_start(identity, &first.tenant, &first.username, &first.password).await;
    match made {
        Ok(Some(_)) => tracing::info!(tenant = first.tenant, "the first tenant and its admin were created"),
        Ok(None) => tracing::debug!("the keys of [bootstrap] have no effect: the store has had a tenant"),
        Err(problem) => return Err(StartError::Bootstrap(problem.detail.into_owned())),
    }
    Ok(())
}
