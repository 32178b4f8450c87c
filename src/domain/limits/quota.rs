//! The quotas of a tenant. Each has a name; an operator's override precedes the configuration.

use std::collections::BTreeMap;

/// A resource that a tenant has a limit for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quota {
    Connections,
    ConnectsPerSecond,
    MessagesPerSecond,
    BytesOutPerSecond,
    RequestsPerSecond,
    HistoryEvents,
    UploadBytes,
    PendingJobs,
}

impl Quota {
    /// Every quota, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Connections,
        Self::ConnectsPerSecond,
        Self::MessagesPerSecond,
        Self::BytesOutPerSecond,
        Self::RequestsPerSecond,
        Self::HistoryEvents,
        Self::UploadBytes,
        Self::PendingJobs,
    ];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectsPerSecond => "connects_per_second",
            Self::MessagesPerSecond => "messages_per_second",
            Self::BytesOutPerSecond => "bytes_out_per_second",
            Self::RequestsPerSecond => "requests_per_second",
            Self::HistoryEvents => "history_events",
            Self::UploadBytes => "upload_bytes",
            Self::PendingJobs => "pending_jobs",
        }
    }

    /// The quota's description, to be used within a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Connections => "open sockets and streams",
            Self::ConnectsPerSecond => "new connections a second",
            Self::MessagesPerSecond => "messages a second",
            Self::BytesOutPerSecond => "delivered bytes a second",
            Self::RequestsPerSecond => "requests a second",
            Self::HistoryEvents => "events of history",
            Self::UploadBytes => "bytes of uploads",
            Self::PendingJobs => "pending jobs",
        }
    }

    /// The window in which use is counted; `None` for what is held rather than spent.
    pub const fn window_seconds(self) -> Option<u32> {
        match self {
            Self::ConnectsPerSecond
            | Self::MessagesPerSecond
            | Self::BytesOutPerSecond
            | Self::RequestsPerSecond => Some(1),
            Self::Connections | Self::HistoryEvents | Self::UploadBytes | Self::PendingJobs => None,
        }
    }

    /// Whether use near the limit raises an alert: a history at its limit is only trimmed, as it is meant to be.
    pub(super) const fn warns(self) -> bool {
        !matches!(self, Self::HistoryEvents)
    }
}

/// A number for some of the quotas; 0: no limit, absent: decided by another source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas([Option<u64>; Quota::ALL.len()]);

impl Quotas {
    pub fn get(&self, quota: Quota) -> Option<u64> {
        self.0[quota as usize]
    }

    pub fn set(&mut self, quota: Quota, number: Option<u64>) {
        self.0[quota as usize] = number;
    }

    #[must_use]
    pub fn with(mut self, quota: Quota, number: u64) -> Self {
        self.set(quota, Some(number));
        self
    }

    /// As the store keeps them; `None` when there are none.
    pub fn to_json(self) -> Option<String> {
        let named = |quota: Quota| self.get(quota).map(|number| (quota.name(), number));
        let named: BTreeMap<&str, u64> = Quota::ALL.into_iter().filter_map(named).collect();
        // Numbers by name always serialise.
        (!named.is_empty()).then(|| serde_json::to_string(&named).unwrap_or_default())
    }

    /// From the store's form. Names of a newer version are ignored.
    pub fn from_json(text: Option<&str>) -> Result<Self, serde_json::Error> {
        let named: BTreeMap<String, u64> = text.map(serde_json::from_str).transpose()?.unwrap_or_default();
        let mut quotas = Self::default();
        for quota in Quota::ALL {
            quotas.set(quota, named.get(quota.name()).copied());
        }
        Ok(quotas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quota_has_an_index_and_a_name_of_its_own() {
        for (index, quota) in Quota::ALL.into_iter().enumerate() {
            assert_eq!(quota as usize, index);
        }
        let names: std::collections::BTreeSet<_> = Quota::ALL.map(Quota::name).into();
        assert_eq!(names.len(), Quota::ALL.len());
    }

    #[test]
    fn quotas_come_back_from_the_store_as_they_went() {
        let quotas = Quotas::default().with(Quota::Connections, 7).with(Quota::PendingJobs, 0);

        let stored = quotas.to_json();

        assert_eq!(stored.as_deref(), Some(r#"{"connections":7,"pending_jobs":0}"#));
        assert_eq!(Quotas::from_json(stored.as_deref()).unwrap(), quotas);
        assert_eq!(Quotas::from_json(Some(r#"{"of_later":1}"#)).unwrap(), Quotas::default());
        assert_eq!(Quotas::default().to_json(), None);
    }
}
