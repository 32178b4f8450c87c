//! The demo's server: in this process, on the demo's folder, with the tenants that it begins with.

use lotline_demo::{NewTenant, RunningServer, ServerPlan, StartServer};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::options::{DEFAULT_PORT, DemoOptions};
use crate::app::node::App;
use crate::auth::key_scope::Role;
use crate::base::clock::Clock;
use crate::crawler::reader::ReaderProgram;
use crate::domain::error::Result as DomainResult;
use crate::domain::identity::Identity;
use crate::domain::identity::bootstrap::{self, BootstrapUser};
use crate::telemetry::subscriber;

/// A server that is not started yet.
pub(super) struct InProcessServer(pub(super) DemoOptions);

impl StartServer for InProcessServer {
    async fn start(self, plan: &ServerPlan<'_>) -> Result<RunningServer, String> {
        let Self(options) = self;
        let settings = options.settings(plan.folder, &plan.sites)?;
        subscriber::install(&settings.telemetry).map_err(error_line)?;
        let app = Box::pin(App::build(&settings, Clock::system(), ReaderProgram::OwnExecutable))
            .await
            .map_err(|error| options.start_error_line(&error))?;
        for tenant in &plan.tenants {
            create_tenant(&app.identity, tenant).await.map_err(error_line)?;
        }
        let (address, stop) = (app.local_addr(), CancellationToken::new());
        let stopped = stop.clone();
        let served =
            TaskTracker::new().spawn(async move { app.run_until_stopped(stopped).await.map_err(error_line) });
        let busy_port = (settings.server.bind.port() == 0).then_some(DEFAULT_PORT);
        Ok(RunningServer::new(address, busy_port, stop, served))
    }
}

/// The tenant and its first admin, as `lotline tenant create` and `lotline user create` do.
async fn create_tenant(identity: &Identity, new: &NewTenant<'_>) -> DomainResult<()> {
    bootstrap::create_tenant(identity, new.slug, new.name).await?;
    let password = SecretString::from(new.password.to_owned());
    let admin =
        BootstrapUser { username: new.admin, email: None, role: Role::Admin, password: Some(&password) };
    bootstrap::create_user(identity, new.slug, &admin).await?;
    Ok(())
}

fn error_line(error: impl std::fmt::Display) -> String {
    error.to_string()
}
