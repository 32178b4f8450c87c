//! Generated correct histories: the same seed yields the same history.

use super::record::{Audience, Entry, Fact, History, Reader, Role, Seen, Tenant};

/// A pseudo-random generator (splitmix64).
pub struct TestRng(pub u64);

impl TestRng {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Two tenants with three writers and four readers each; readers reconnect sometimes, and one of them gets a gap.
pub fn clean(seed: u64) -> History {
    let mut dice = TestRng(seed);
    History { tenants: (0..2).map(|tenant| tenant_of(tenant, &mut dice)).collect() }
}

fn tenant_of(tenant: usize, dice: &mut TestRng) -> Tenant {
    let mut made = Tenant { acknowledged: vec![Vec::new(); 3], ..Tenant::default() };
    let length = 60 + dice.below(40);
    for number in 1..=length {
        let entry = entry(tenant, number, length, dice);
        if let Some(fact) = &entry.fact {
            made.tried.insert(fact.clone());
            // The log's first and last entries are always acknowledged, others mostly.
            if dice.below(4) > 0 || number <= 3 || number > length - 3 {
                made.acknowledged[number % 3].push(fact.clone());
            }
        }
        made.log.push(entry);
    }
    made.tried.extend((0..5).map(|never| Fact::message(format!("t{tenant} never arrived {never}"))));
    made.readers = readers(tenant, &made.log, dice);
    made
}

/// Mostly facts; some job progress that a later step replaces, and events for admins.
fn entry(tenant: usize, number: usize, length: usize, dice: &mut TestRng) -> Entry {
    let position = format!("{tenant}f-{number:x}");
    let digest = (tenant * 1_000 + number) as u64;
    let bare =
        Entry { position, fact: None, audience: Audience::Everyone, job: None, is_progress: false, digest };
    let said = Some(Fact::message(format!("t{tenant} says {number}")));
    // At both ends entries that everyone may see, so that there is always an end to lose.
    if number <= 3 || number > length - 3 {
        return Entry { fact: said, ..bare };
    }
    match dice.below(8) {
        0 | 1 => Entry { fact: said, audience: Audience::Admins, ..bare },
        2 | 3 => Entry { fact: said, audience: Audience::Followers, ..bare },
        4 => Entry { audience: Audience::FollowingAdmins, ..bare },
        5 => Entry { audience: Audience::Followers, job: Some(1), is_progress: true, ..bare },
        6 => Entry {
            fact: Some(Fact::job(1, &format!("step {number}"), 1)),
            audience: Audience::Followers,
            job: Some(1),
            ..bare
        },
        _ => Entry { fact: said, ..bare },
    }
}

fn readers(tenant: usize, log: &[Entry], dice: &mut TestRng) -> Vec<Reader> {
    let kinds = [(Role::Admin, true), (Role::Admin, false), (Role::Viewer, true), (Role::Viewer, false)];
    let make = |(index, (role, follows)): (usize, (Role, bool))| {
        let name = format!("reader {index}");
        let mut reader = Reader { name, role, follows, start: format!("{tenant}f-0"), seen: Vec::new() };
        // The third reader was away while the log was trimmed.
        let gap = (index == 2).then(|| 5 + dice.below(10));
        for (index, entry) in log.iter().enumerate() {
            let passed_over = is_superseded(log, index) && dice.below(2) == 0;
            let trimmed = gap.is_some_and(|gap| index > 3 && index < gap);
            if reader.may_see(entry) && !passed_over && !trimmed {
                reader.seen.push(Seen::Event(entry.clone()));
            }
            if gap == Some(index + 1) {
                reader.seen.push(Seen::Gap { to: entry.position.clone() });
            }
        }
        reader
    };
    kinds.into_iter().enumerate().map(make).collect()
}

/// Whether a later step of the job replaces this one.
fn is_superseded(log: &[Entry], index: usize) -> bool {
    log[index].is_progress && log[index + 1..].iter().any(|later| later.job.is_some())
}
