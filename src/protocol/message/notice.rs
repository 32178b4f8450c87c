//! Messages from admins and operators, and from the system about itself.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::logged::Logged;

/// A broadcast.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SystemNotification {
    pub category: String,
    pub message: String,
    /// RFC 3339; when the announced event begins. Informational only.
    pub start_time: String,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    pub broadcast_id: String,
    /// Absent when an operator sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<i64>,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// A notice for the tenant's admins.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct AdminNotification {
    pub category: String,
    pub message: String,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<i64>,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// The severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

/// Something needs attention.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct SystemAlert {
    pub severity: Severity,
    pub category: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<i64>,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}
