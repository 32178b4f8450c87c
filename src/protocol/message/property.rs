//! Messages about properties.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::logged::Logged;
use crate::protocol::property::{Property, RemovalReason};

/// What happened to a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PropertyEvent {
    PropertyCreated,
    PriceChanged,
    StatusChanged,
    PropertyChanged,
    PropertyRemoved,
}

/// A property changed.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct PropertyUpdate {
    pub event: PropertyEvent,
    pub property_id: i64,
    /// The state after the change.
    pub property: Box<Property>,
    /// The price in major units, or the status, before a change of it; absent for a price that was not known, or whose
    /// currency was not known while that of `new` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The price in major units, or the status, after a change of it; absent for a price that is not known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    /// Of `new`, and of `old` without `old_currency`, when they are prices; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Of `old`, if that is a price of another currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_currency: Option<String>,
    /// The other fields that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
    /// Why the property was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RemovalReason>,
    /// The property that stays, when this one was removed as its `duplicate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<i64>,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// Only `new_properties`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum PropertyNotificationEvent {
    NewProperties,
}

/// New properties were found: at most one message per job in five seconds, the counts merged.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct PropertyNotification {
    pub event: PropertyNotificationEvent,
    pub count: i64,
    /// The most frequent city among them, else state, else the source.
    pub location: String,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<i64>,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}
