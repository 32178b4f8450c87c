//! Permissions: one closed table of them and their grants. It knows nothing of ownership or membership: "own jobs"
//! and "rooms they are in" are checked by the domain.

use super::key_scope::{KeyScope, Role};
use super::principal::Principal;

/// One thing that a caller may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// Change one's password, list and end one's sessions.
    ManageOwnAccount,
    /// See oneself as a user of the tenant.
    ReadOwnUser,
    /// Ask for a single-use ticket that opens a socket or a stream.
    MintTicket,
    /// Open sockets, streams and the event list.
    ReadEvents,
    /// Read the live totals of `status_update`.
    ReadStatus,
    /// Read jobs with their logs, items and executions.
    ReadJobs,
    /// Read properties, their price history and their viewers.
    ReadProperties,
    /// Read one's own inbox and mark it as read.
    ReadNotifications,
    /// Read rooms that one is in, and direct messages to oneself.
    ReadRooms,
    /// Show others which property one is viewing.
    ShowViewing,
    /// Find other people of the tenant by name.
    ReadDirectory,
    /// Read which spiders there are.
    ReadSpiders,
    /// Create a job.
    StartJobs,
    /// Cancel or retry a job that one created.
    CancelOwnJobs,
    /// Write to rooms that one is in and to people; show that one is typing.
    Chat,
    /// Join and leave public rooms.
    JoinRooms,
    /// Send files, and read and remove one's own.
    Upload,
    /// Show oneself as online or away.
    ShowPresence,
    /// Cancel or retry any job of the tenant.
    CancelAnyJob,
    /// Create, change and remove users; hand over password links.
    ManageUsers,
    /// Create and revoke API keys.
    ManageKeys,
    /// Create, change and remove spiders.
    ManageSpiders,
    /// Create, change and remove rooms and their members.
    ManageRooms,
    /// Read and remove any file of the tenant.
    ManageUploads,
    /// Send a broadcast to the tenant or a part of it.
    Broadcast,
    /// Read the tenant's audit log.
    ReadAudit,
    /// List and close the tenant's open connections.
    ManageConnections,
    /// Read live statistics of the tenant.
    ReadStats,
    /// Receive admin notices and every system alert.
    ReadAdminNotices,
    /// Claim jobs and report on them: a worker's work.
    RunJobs,
    /// Write properties.
    WriteProperties,
    /// Write the log lines of jobs.
    WriteLogs,
    /// Create, change and suspend tenants and their quotas.
    ManageTenants,
    /// Send a broadcast to all tenants.
    BroadcastAll,
    /// Status and metrics of the nodes.
    ReadNodeStatus,
}

/// The grant of a permission: users from a role upward, keys with any of the scopes, operators.
pub struct Grant {
    pub min_role: Option<Role>,
    pub scopes: &'static [KeyScope],
    pub operators: bool,
}

const fn users_from(from: Role) -> Grant {
    Grant { min_role: Some(from), scopes: &[], operators: false }
}

const fn keys_with(scopes: &'static [KeyScope]) -> Grant {
    Grant { min_role: None, scopes, operators: false }
}

const OPERATORS: Grant = Grant { min_role: None, scopes: &[], operators: true };

impl Grant {
    const fn or_keys(self, scopes: &'static [KeyScope]) -> Self {
        Self { scopes, ..self }
    }

    const fn or_operators(self) -> Self {
        Self { operators: true, ..self }
    }
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 35] = [
        Self::ManageOwnAccount,
        Self::ReadOwnUser,
        Self::MintTicket,
        Self::ReadEvents,
        Self::ReadStatus,
        Self::ReadJobs,
        Self::ReadProperties,
        Self::ReadNotifications,
        Self::ReadRooms,
        Self::ShowViewing,
        Self::ReadDirectory,
        Self::ReadSpiders,
        Self::StartJobs,
        Self::CancelOwnJobs,
        Self::Chat,
        Self::JoinRooms,
        Self::Upload,
        Self::ShowPresence,
        Self::CancelAnyJob,
        Self::ManageUsers,
        Self::ManageKeys,
        Self::ManageSpiders,
        Self::ManageRooms,
        Self::ManageUploads,
        Self::Broadcast,
        Self::ReadAudit,
        Self::ManageConnections,
        Self::ReadStats,
        Self::ReadAdminNotices,
        Self::RunJobs,
        Self::WriteProperties,
        Self::WriteLogs,
        Self::ManageTenants,
        Self::BroadcastAll,
        Self::ReadNodeStatus,
    ];

    /// The permission with the variant `name` in the code.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| format!("{permission:?}") == name)
    }

    /// The grant of this permission, for documentation.
    pub fn granted(self) -> Grant {
        self.grant()
    }

    /// The table.
    const fn grant(self) -> Grant {
        use KeyScope::{EventsRead, JobsRun, LogsWrite, PropertiesWrite};
        use Role::{Admin, Member, Viewer};
        match self {
            Self::ManageOwnAccount => users_from(Viewer).or_operators(),
            Self::MintTicket | Self::ReadEvents | Self::ReadStatus => {
                users_from(Viewer).or_keys(&[EventsRead])
            }
            // A key that follows feeds must be able to read the lists that it needs after a gap, and a worker its
            // jobs.
            Self::ReadJobs => users_from(Viewer).or_keys(&[EventsRead, JobsRun]),
            Self::ReadProperties => users_from(Viewer).or_keys(&[EventsRead]),
            Self::ReadOwnUser | Self::ReadNotifications | Self::ReadRooms | Self::ShowViewing => {
                users_from(Viewer)
            }
            Self::ReadSpiders | Self::StartJobs => users_from(Member).or_keys(&[JobsRun]),
            Self::ReadDirectory
            | Self::CancelOwnJobs
            | Self::Chat
            | Self::JoinRooms
            | Self::Upload
            | Self::ShowPresence => users_from(Member),
            Self::CancelAnyJob
            | Self::ManageUsers
            | Self::ManageKeys
            | Self::ManageSpiders
            | Self::ManageRooms
            | Self::ManageUploads
            | Self::Broadcast
            | Self::ReadAudit
            | Self::ManageConnections
            | Self::ReadStats
            | Self::ReadAdminNotices => users_from(Admin),
            Self::RunJobs => keys_with(&[JobsRun]),
            Self::WriteProperties => keys_with(&[PropertiesWrite]),
            Self::WriteLogs => keys_with(&[LogsWrite]),
            Self::ManageTenants | Self::BroadcastAll | Self::ReadNodeStatus => OPERATORS,
        }
    }
}

impl Permission {
    /// What a caller needs for it, as text: `the role member or above, or an API key with the scope jobs:run`.
    pub fn requirement(self) -> String {
        let Grant { min_role: from, operators, .. } = self.grant();
        let role = from.map(|role| match role {
            Role::Admin => "the role admin".to_owned(),
            Role::Viewer | Role::Member => format!("the role {} or above", role.name()),
        });
        let scopes = self.scopes().map(|scopes| {
            let words = if scopes.contains(' ') { "one of the scopes" } else { "the scope" };
            format!("an API key with {words} {}", scopes.replace(' ', ", "))
        });
        let operator = operators.then(|| "an operator".to_owned());
        role.into_iter().chain(scopes).chain(operator).collect::<Vec<_>>().join(", or ")
    }

    /// The scopes any of which allows an API key to do it, separated by spaces; `None` when no key may.
    pub fn scopes(self) -> Option<String> {
        let names: Vec<String> = self.grant().scopes.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| names.join(" "))
    }
}

impl KeyScope {
    /// The least role that may grant this scope to a key: one that has all permissions that the scope gives. A scope
    /// for keys only is a worker's, which works for the whole tenant, so it needs the role that manages keys.
    pub fn min_granting_role(self) -> Role {
        let manager = Permission::ManageKeys.grant().min_role.unwrap_or(Role::Admin);
        let grants = Permission::ALL.into_iter().map(Permission::grant);
        let of_scope = grants.filter(|grant| grant.scopes.contains(&self));
        of_scope.map(|grant| grant.min_role.unwrap_or(manager)).max().unwrap_or(manager)
    }
}

impl Principal {
    /// Whether this caller may do `permission` at all.
    pub fn may(&self, permission: Permission) -> bool {
        let grant = permission.grant();
        match self {
            Self::User(user) => grant.min_role.is_some_and(|least| user.role() >= least),
            Self::Key(key) => grant.scopes.iter().any(|scope| key.scopes().contains(*scope)),
            Self::Operator(_) => grant.operators,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::principal::sample;

    /// The role table, stated independently of the code: `v`iewer, `m`ember, `a`dmin, `o`perator, and the key's
    /// scopes `j`obs:run, `p`roperties:write, `l`ogs:write, `e`vents:read.
    const EXPECTED: [(Permission, &str); 35] = [
        (Permission::ManageOwnAccount, "vmao"),
        (Permission::ReadOwnUser, "vma"),
        (Permission::MintTicket, "vmae"),
        (Permission::ReadEvents, "vmae"),
        (Permission::ReadStatus, "vmae"),
        (Permission::ReadJobs, "vmaje"),
        (Permission::ReadProperties, "vmae"),
        (Permission::ReadNotifications, "vma"),
        (Permission::ReadRooms, "vma"),
        (Permission::ShowViewing, "vma"),
        (Permission::ReadDirectory, "ma"),
        (Permission::ReadSpiders, "maj"),
        (Permission::StartJobs, "maj"),
        (Permission::CancelOwnJobs, "ma"),
        (Permission::Chat, "ma"),
        (Permission::JoinRooms, "ma"),
        (Permission::Upload, "ma"),
        (Permission::ShowPresence, "ma"),
        (Permission::CancelAnyJob, "a"),
        (Permission::ManageUsers, "a"),
        (Permission::ManageKeys, "a"),
        (Permission::ManageSpiders, "a"),
        (Permission::ManageRooms, "a"),
        (Permission::ManageUploads, "a"),
        (Permission::Broadcast, "a"),
        (Permission::ReadAudit, "a"),
        (Permission::ManageConnections, "a"),
        (Permission::ReadStats, "a"),
        (Permission::ReadAdminNotices, "a"),
        (Permission::RunJobs, "j"),
        (Permission::WriteProperties, "p"),
        (Permission::WriteLogs, "l"),
        (Permission::ManageTenants, "o"),
        (Permission::BroadcastAll, "o"),
        (Permission::ReadNodeStatus, "o"),
    ];

    fn callers() -> Vec<(char, Principal)> {
        vec![
            ('v', sample::user(Role::Viewer)),
            ('m', sample::user(Role::Member)),
            ('a', sample::user(Role::Admin)),
            ('o', sample::operator()),
            ('j', sample::key(&[KeyScope::JobsRun])),
            ('p', sample::key(&[KeyScope::PropertiesWrite])),
            ('l', sample::key(&[KeyScope::LogsWrite])),
            ('e', sample::key(&[KeyScope::EventsRead])),
        ]
    }

    #[test]
    fn every_caller_may_exactly_what_the_contract_grants() {
        for (permission, granted) in EXPECTED {
            for (letter, caller) in callers() {
                assert_eq!(caller.may(permission), granted.contains(letter), "{permission:?} for {letter}");
            }
        }
    }

    #[test]
    fn a_role_gives_what_it_may_do_itself_and_a_workers_scopes_are_the_admins() {
        let given = KeyScope::ALL.map(|scope| (scope, scope.min_granting_role()));

        let expected = [Role::Admin, Role::Admin, Role::Admin, Role::Viewer];
        assert_eq!(given.map(|(_, role)| role), expected, "{given:?}");
    }

    #[test]
    fn the_requirement_is_described_in_words() {
        let words =
            [Permission::ManageUsers, Permission::StartJobs, Permission::ReadJobs, Permission::ManageTenants];

        assert_eq!(
            words.map(Permission::requirement),
            [
                "the role admin",
                "the role member or above, or an API key with the scope jobs:run",
                "the role viewer or above, or an API key with one of the scopes events:read, jobs:run",
                "an operator",
            ]
        );
    }

    #[test]
    fn the_table_names_every_permission_once() {
        assert_eq!(EXPECTED.map(|(permission, _)| permission), Permission::ALL);
    }

    #[test]
    fn a_key_without_scopes_has_no_permission_and_scopes_add_up() {
        let bare = sample::key(&[]);
        let both = sample::key(&[KeyScope::LogsWrite, KeyScope::PropertiesWrite]);

        assert!(Permission::ALL.iter().all(|permission| !bare.may(*permission)));
        assert!(both.may(Permission::WriteLogs) && both.may(Permission::WriteProperties));
    }
}
