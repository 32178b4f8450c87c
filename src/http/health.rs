//! Whether the process lives, whether it can serve, and which version it is.

use std::sync::Arc;

use poem::handler;
use poem::web::{Data, Json};
use serde_json::{Value, json};

use crate::auth::scope::SystemReason;
use crate::protocol::problem::{Code, Problem};
use crate::session::Sessions;
use crate::storage::tenants;

/// The process answers.
#[handler]
pub fn livez() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// The process can do its work: the database answers and the node is not leaving.
#[handler]
pub async fn readyz(Data(sessions): Data<&Arc<Sessions>>) -> Result<Json<Value>, Problem> {
    if sessions.is_leaving() {
        return Err(Problem::new(Code::Unavailable, "The server is restarting.").retry_after(1));
    }
    let tx = sessions.kernel.db.system(SystemReason::Health).read().await?;
    tenants::probe(&tx).await?;
    Ok(Json(json!({ "status": "ready" })))
}

#[handler]
pub fn version(Data(sessions): Data<&Arc<Sessions>>) -> Json<Value> {
    Json(json!({
        "name": "lotline",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": 1,
        "database": sessions.kernel.db.engine(),
    }))
}
