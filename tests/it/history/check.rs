//! The checker: finds the faults in a history.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Entry, Fact, History, Reader, Seen, Tenant, number};

/// A promise that was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub kind: Kind,
    /// The tenant's index in the history, and the reader's name.
    pub location: String,
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Acknowledged, but not in the log.
    Lost,
    /// In the log, but never tried.
    Phantom,
    /// In the log more than once.
    Doubled,
    /// In the log before an earlier acknowledged write of the same writer.
    Reordered,
    /// A number in the log that does not follow the previous one.
    Hole,
    /// Never seen by a reader that saw later entries and got no gap.
    SilentGap,
    /// Never seen by a reader, nor was anything after it.
    LostTail,
    /// Seen by a reader more than once.
    SeenTwice,
    /// Seen by a reader after a later entry of the log.
    SeenLate,
    /// Seen by a reader, but not in any log in that form.
    Imagined,
    /// Seen by a reader of another tenant.
    TenantLeak,
    /// Seen by a reader of the tenant that may not see it.
    TopicLeak,
}

impl History {
    /// All faults. If there are none, the promises were kept.
    pub fn faults(&self) -> BTreeSet<Fault> {
        let mut faults = BTreeSet::new();
        for (index, tenant) in self.tenants.iter().enumerate() {
            let mut tell = |kind, what: &str| {
                faults.insert(Fault { kind, location: format!("tenant {index}"), what: what.to_owned() });
            };
            check_facts(tenant, &mut tell);
            check_numbers(tenant, &mut tell);
            let log = Log::of(tenant);
            for reader in &tenant.readers {
                let mut tell = |kind, what: &str| {
                    let index = format!("tenant {index}, {}", reader.name);
                    faults.insert(Fault { kind, location: index, what: what.to_owned() });
                };
                let others = self.tenants.iter().enumerate().filter(|(other, _)| *other != index);
                let others: Vec<&Tenant> = others.map(|(_, tenant)| tenant).collect();
                check_reader(&log, reader, &others, &mut tell);
            }
        }
        faults
    }
}

fn check_facts(tenant: &Tenant, report: &mut impl FnMut(Kind, &str)) {
    let mut indexes: BTreeMap<&Fact, usize> = BTreeMap::new();
    for (index, entry) in tenant.log.iter().enumerate() {
        let Some(fact) = &entry.fact else { continue };
        if indexes.insert(fact, index).is_some() {
            report(Kind::Doubled, &format!("{fact:?}"));
        }
        if matches!(fact, Fact::Message(_)) && !tenant.tried.contains(fact) {
            report(Kind::Phantom, &format!("{fact:?}"));
        }
    }
    for writer in &tenant.acknowledged {
        let mut last = None;
        for fact in writer {
            match indexes.get(fact) {
                None => report(Kind::Lost, &format!("{fact:?}")),
                index if index < last => report(Kind::Reordered, &format!("{fact:?}")),
                index => last = index,
            }
        }
    }
}

/// In the complete log the numbers are consecutive.
fn check_numbers(tenant: &Tenant, report: &mut impl FnMut(Kind, &str)) {
    let mut wanted = tenant.log.first().and_then(Entry::number);
    for entry in &tenant.log {
        if entry.number() != wanted {
            report(Kind::Hole, &entry.position);
        }
        wanted = entry.number().map(|number| number + 1);
    }
}

/// The log with its indexes by position.
struct Log<'a> {
    entries: &'a [Entry],
    indexes: BTreeMap<&'a str, usize>,
}

impl<'a> Log<'a> {
    fn of(tenant: &'a Tenant) -> Self {
        let indexes = tenant.log.iter().enumerate().map(|(index, entry)| (entry.position.as_str(), index));
        Self { entries: &tenant.log, indexes: indexes.collect() }
    }

    /// The index of the identical entry in the log, if there is one.
    fn index_of(&self, entry: &Entry) -> Option<usize> {
        let index = *self.indexes.get(entry.position.as_str())?;
        (self.entries[index] == *entry).then_some(index)
    }

    /// Whether a later step of the same job may replace the entry.
    fn is_superseded(&self, index: usize) -> bool {
        let entry = &self.entries[index];
        entry.is_progress && self.entries[index + 1..].iter().any(|later| later.job == entry.job)
    }
}

fn check_reader(log: &Log<'_>, reader: &Reader, others: &[&Tenant], report: &mut impl FnMut(Kind, &str)) {
    let mut seen = BTreeSet::new();
    let mut covered_by_gap = BTreeSet::new();
    let mut reached = number(&reader.start);
    let mut last = None;
    for one in &reader.seen {
        let entry = match one {
            Seen::Event(entry) => entry,
            Seen::Gap { to } => {
                let missing = |entry: &&Entry| entry.number() > reached && entry.number() <= number(to);
                covered_by_gap
                    .extend(log.entries.iter().filter(missing).map(|entry| entry.position.as_str()));
                reached = reached.max(number(to));
                continue;
            }
        };
        let Some(index) = log.index_of(entry) else {
            report(foreign(entry, others), &entry.position);
            continue;
        };
        if !reader.may_see(entry) {
            report(Kind::TopicLeak, &entry.position);
        }
        if !seen.insert(entry.position.as_str()) {
            report(Kind::SeenTwice, &entry.position);
        } else if Some(index) < last {
            report(Kind::SeenLate, &entry.position);
        } else {
            last = Some(index);
        }
        reached = reached.max(entry.number());
    }
    check_missing(
        log,
        reader,
        last,
        |position| seen.contains(position) || covered_by_gap.contains(position),
        report,
    );
}

fn check_missing(
    log: &Log<'_>,
    reader: &Reader,
    last: Option<usize>,
    is_accounted_for: impl Fn(&str) -> bool,
    tell: &mut impl FnMut(Kind, &str),
) {
    let start = number(&reader.start);
    for (index, entry) in log.entries.iter().enumerate() {
        let is_wanted = entry.number() > start && reader.may_see(entry);
        if !is_wanted || is_accounted_for(&entry.position) || log.is_superseded(index) {
            continue;
        }
        let kind = if Some(index) > last { Kind::LostTail } else { Kind::SilentGap };
        tell(kind, &entry.position);
    }
}

/// The fault of a frame that is not in the tenant's log.
fn foreign(entry: &Entry, others: &[&Tenant]) -> Kind {
    let is_theirs = |tenant: &&Tenant| {
        let said = entry
            .fact
            .as_ref()
            .is_some_and(|fact| tenant.log.iter().any(|other| other.fact.as_ref() == Some(fact)));
        tenant.log.contains(entry) || said
    };
    if others.iter().any(is_theirs) { Kind::TenantLeak } else { Kind::Imagined }
}
