//! Puts the parts together, runs them until they are to stop, and ends them in a stated order.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reload::Reloadable;
use super::shutdown::{self, Shutdown, Steps};
use super::start_error::StartError;
use super::{file_limits, issuers, keys, node_id, settings as parts, timers, uploads};
use crate::auth::password::Passwords;
use crate::auth::throttle::{LoginThrottle, ThrottleSettings};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::cluster::memory::{MemoryUsedTickets, TicketShares};
use crate::config::{ClusterSettings, Settings};
use crate::crawler::reader::ReaderProgram;
use crate::domain::identity::key_sets::KeySets;
use crate::domain::identity::tickets::TicketParts;
use crate::domain::identity::{Identity, IdentityParts, bootstrap, failed_sign_ins};
use crate::domain::limits::{Limits, overrides};
use crate::domain::op::Kernel;
use crate::domain::together::Together;
use crate::http::client::TrustedProxies;
use crate::http::metrics::{MetricsAccess, TenantMetrics, metrics_router};
use crate::http::origin::OriginPolicy;
use crate::http::router::{RouterParts, router};
use crate::http::serve::{Listener, ServeSettings, serve};
use crate::http::workers::LeaseLength;
use crate::session::settings::SessionSettings;
use crate::session::{Sessions, departed, relay, rescope};
use crate::storage::Database;

/// Connections of collectors at most.
const FIGURES_CONNECTIONS: usize = 16;

/// A node, built and listening, not yet serving.
pub struct App {
    pub identity: Arc<Identity>,
    pub sessions: Arc<Sessions>,
    kernel: Kernel,
    listener: Listener,
    /// For figures alone.
    metrics: Option<Listener>,
    serving: ServeSettings,
    router: RouterParts,
    work: TaskTracker,
    settings: Settings,
    readers: ReaderProgram,
}

impl App {
    /// Opens the store, loads the keys, binds the address. Everything that can be refused is refused here. `readers` is
    /// the program that reads pages: only who knows what this process runs can say whether that is its own.
    pub async fn build(
        settings: &Settings,
        clock: Clock,
        readers: ReaderProgram,
    ) -> Result<Self, StartError> {
        refuse_cluster(settings)?;
        let db = Database::open(&parts::database(settings)).await?;
        let mut kernel = Kernel::new(db, clock, Entropy);
        kernel.node = node_id::load(&settings.server.data_dir, &kernel.clock);
        kernel.job_settings = parts::jobs(settings);
        kernel.limits = Arc::new(Limits::new(parts::limits(settings)));
        kernel.uploads = Arc::new(uploads::open(settings).await?);
        kernel.together = Arc::new(Together::new(parts::together(settings)));
        overrides::refresh(&kernel)
            .await
            .map_err(|problem| StartError::Quotas(problem.detail.into_owned()))?;
        let listener = Listener::bind(settings.server.bind)?;
        let metrics = settings.telemetry.metrics_bind.map(Listener::bind).transpose()?;
        let work = TaskTracker::new();
        let identity = Arc::new(identity(settings, &kernel, &work, listener.local_addr())?);
        check_standing(&kernel, &identity);
        first_start(settings, &identity).await?;
        let serving = file_limits::fitted(parts::serve(settings));
        let places = SessionSettings { places: serving.live_places(), ..parts::sessions(settings) };
        let sessions = Sessions::new(kernel.clone(), Arc::clone(&identity), places);
        let address = listener.local_addr();
        let router = RouterParts {
            sessions: Arc::clone(&sessions),
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
            address: parts::reached_at(settings, address),
        };
        let (trusted, origins) = (router.proxies.clone(), Some(router.origins.clone()));
        let serving = ServeSettings { trusted, origins, ..serving };
        let settings = settings.clone();
        Ok(Self { identity, sessions, kernel, listener, metrics, serving, router, work, settings, readers })
    }

    /// The address of the figures' own listener.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Listener::local_addr)
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The parts that take a new configuration while the node runs.
    pub fn reloadable(&self) -> Reloadable {
        Reloadable {
            origins: self.router.origins.clone(),
            proxies: self.router.proxies.clone(),
            identity: Arc::downgrade(&self.identity),
        }
    }

    /// Serves until `stop`, then ends in this order: not ready, sockets and streams sent away over a while, no
    /// newcomers, running requests finished, background work ended, the store closed.
    pub async fn run_until_stopped(self, stop: CancellationToken) -> Result<(), StartError> {
        let Self {
            sessions,
            kernel,
            listener,
            metrics,
            mut serving,
            router: parts,
            work,
            settings,
            identity,
            readers,
        } = self;
        let endpoint = router(parts).map_err(|error| StartError::Document(error.to_string()))?;
        let steps = Steps::default();
        serving.cut = steps.cut.clone();
        let background = steps.background.clone();
        let pulse = Arc::clone(&sessions.node.pulse);
        work.spawn(relay::run(kernel.clone(), settings.eventlog.poll_interval(), pulse, background.clone()));
        let watching = timers::watchdog(&work, &sessions, settings.telemetry.stall, &background)?;
        work.spawn(Arc::clone(&sessions).supervise(background.clone()));
        work.spawn(Arc::clone(&identity.key_sets).keep(background.clone()));
        work.spawn(failed_sign_ins::run(Arc::clone(&identity), background.clone()));
        work.spawn(departed::run(Arc::clone(&sessions), background.clone()));
        work.spawn(rescope::run(Arc::clone(&sessions), background.clone()));
        timers::spawn(&work, &kernel, &settings, &background);
        // Crawls are given back first: other nodes take them up, and clients that are still here are told.
        timers::crawler(&work, &kernel, &settings, readers, sessions.stopping())?;
        if let Some(listener) = metrics {
            let access =
                MetricsAccess::on_own(settings.telemetry.metrics_key.as_ref(), listener.local_addr().ip());
            let tenants = TenantMetrics(settings.telemetry.tenant_metrics);
            let figures = metrics_router(&sessions, access, tenants);
            let few = ServeSettings { max_connections: FIGURES_CONNECTIONS, reserved: 1, ..serving.clone() };
            work.spawn(serve(listener, figures, few, kernel.clock.clone(), background.clone()));
        }
        let shutdown = Shutdown::new(&settings.server);
        let last = shutdown.last();
        work.spawn(shutdown.lead(Arc::clone(&sessions), stop, steps.clone()));
        let drained = serve(listener, endpoint, serving, kernel.clock.clone(), steps.closing.clone()).await;
        if drained.cut > 0 {
            tracing::warn!(
                requests = drained.cut,
                "requests were still running at the end of the grace, and were cut"
            );
        }
        sessions.tasks.close();
        tokio::select! {
            biased;
            () = sessions.tasks.wait() => {}
            () = steps.cut.cancelled() => tracing::warn!("sockets were still open at the end of the grace"),
        }
        background.cancel();
        drop((identity, sessions));
        work.close();
        shutdown::at_last(&kernel.clock, last, "background work", work.wait()).await;
        if let Some(watching) = watching {
            watching.end();
        }
        let db = kernel.db.clone();
        let closing = async {
            if let Err(error) = db.close().await {
                tracing::warn!(%error, "the database was not closed cleanly");
            }
        };
        shutdown::at_last(&kernel.clock, last, "the database", closing).await;
        Ok(())
    }
}

/// A node that was told of others and does not know them would serve half of the truth.
fn refuse_cluster(settings: &Settings) -> Result<(), StartError> {
    if settings.cluster.url.is_some() {
        return Err(StartError::OneNodeOnly { key: "cluster.url" });
    }
    if settings.cluster.prefix != ClusterSettings::PREFIX {
        return Err(StartError::OneNodeOnly { key: "cluster.prefix" });
    }
    if settings.auth.seal_key.is_some() {
        return Err(StartError::OneNodeOnly { key: "auth.seal_key" });
    }
    Ok(())
}

fn identity(
    settings: &Settings,
    kernel: &Kernel,
    work: &TaskTracker,
    address: SocketAddr,
) -> Result<Identity, StartError> {
    let ring = keys::load(settings, &kernel.clock, kernel.entropy)?;
    let (issuers, sources) = issuers::load(&settings.auth, &ring)?;
    let key_sets = KeySets::new(sources, kernel.clock.clone())
        .map_err(|error| StartError::Issuers(error.to_string()))?;
    let passwords =
        Passwords::new(parts::passwords(settings), kernel.clock.clone(), kernel.entropy, work.clone())
            .map_err(|error| StartError::Keys(error.to_string()))?;
    let identity_parts = IdentityParts {
        passwords,
        throttle: LoginThrottle::new(ThrottleSettings::default()),
        ring,
        issuers,
        key_sets: Arc::new(key_sets),
        tickets: TicketParts {
            used: Arc::new(MemoryUsedTickets::new(
                kernel.clock.clone(),
                kernel.entropy,
                TicketShares::default(),
            )),
            streams_per_owner: settings.limits.streams_per_user as usize,
        },
    };
    Ok(Identity::new(kernel.clone(), parts::identity(settings, address), identity_parts))
}

/// Has every change judge its caller again.
fn check_standing(kernel: &Kernel, identity: &Arc<Identity>) {
    let identity = Arc::downgrade(identity);
    kernel.check_standing_with(move |principal| {
        let identity = identity.upgrade();
        Box::pin(async move {
            match identity {
                Some(identity) => identity.check_standing(&principal).await,
                // The node is being taken down: nothing is answered any more.
                None => Ok(()),
            }
        })
    });
}

/// The identity alone, for verbs that do not serve.
pub(super) async fn open_identity(settings: &Settings, clock: Clock) -> Result<Identity, StartError> {
    let db = Database::open(&parts::database(settings)).await?;
    let kernel = Kernel::new(db, clock, Entropy);
    identity(settings, &kernel, &TaskTracker::new(), settings.server.bind)
}

async fn first_start(settings: &Settings, identity: &Identity) -> Result<(), StartError> {
    let Some(first) = &settings.bootstrap.first_admin else { return Ok(()) };
    let made = bootstrap::first_start(identity, &first.tenant, &first.username, &first.password).await;
    match made {
        Ok(Some(_)) => tracing::info!(tenant = first.tenant, "the first tenant and its admin were made"),
        Ok(None) => tracing::debug!("the keys of [bootstrap] have no effect: the store has had a tenant"),
        Err(problem) => return Err(StartError::Bootstrap(problem.detail.into_owned())),
    }
    Ok(())
}
