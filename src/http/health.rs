//! Liveness, readiness and version.

use std::sync::Arc;

use poem::handler;
use poem::web::{Data, Json};
use serde_json::{Value, json};

use crate::protocol::problem::{Code, Problem};
use crate::session::ConnectionRegistry;

/// The process answers, and its runtime answers the watchdog.
#[handler]
pub fn livez(Data(registry): Data<&Arc<ConnectionRegistry>>) -> Result<Json<Value>, Problem> {
    if registry.health.runtime_probe.is_dead() {
        return Err(Problem::new(Code::Unavailable, "The runtime does not run; end the process."));
    }
    Ok(Json(json!({ "status": "live" })))
}

/// The process can work: the database answers and accepts writes, the log is followed, the node is not shutting down.
#[handler]
pub async fn readyz(Data(registry): Data<&Arc<ConnectionRegistry>>) -> Result<Json<Value>, Problem> {
    registry.health.check_ready(&registry.services, registry.is_leaving()).await?;
    Ok(Json(json!({ "status": "ready" })))
}

#[handler]
pub fn version(Data(registry): Data<&Arc<ConnectionRegistry>>) -> Json<Value> {
    Json(json!({
        "name": "lotline",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": 1,
        "database": registry.services.db.engine(),
    }))
}
