//! The feeds that a client subscribes to, and the lists of the same data.

use std::fmt;
use std::str::FromStr;

use crate::base::ids::UserId;

/// The feeds, by the names that existing clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    JobUpdates,
    PropertyUpdates,
    SystemAlerts,
}

impl Feed {
    pub const ALL: [Self; 3] = [Self::JobUpdates, Self::PropertyUpdates, Self::SystemAlerts];

    pub const fn name(self) -> &'static str {
        match self {
            Self::JobUpdates => "job_updates",
            Self::PropertyUpdates => "property_updates",
            Self::SystemAlerts => "system_alerts",
        }
    }

    /// The list route that shows the feed's state, for a client that has to start over.
    pub const fn resync_url(self) -> &'static str {
        match self {
            Self::JobUpdates => "/api/v1/jobs",
            Self::PropertyUpdates => "/api/v1/properties?include_removed=true",
            Self::SystemAlerts => "/api/v1/notifications",
        }
    }
}

/// The inbox's list route.
pub const INBOX_RESYNC_URL: &str = "/api/v1/notifications";

/// The list of a user's own jobs, which the inbox also covers.
pub fn own_jobs_url(user: UserId) -> String {
    format!("/api/v1/jobs?created_by={user}")
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFeed;

impl FromStr for Feed {
    type Err = UnknownFeed;

    fn from_str(text: &str) -> Result<Self, UnknownFeed> {
        Self::ALL.into_iter().find(|feed| feed.name() == text).ok_or(UnknownFeed)
    }
}
