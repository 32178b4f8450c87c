//! Tests the checker: correct histories pass, and each kind of mutation is found wherever it is applied.

use super::check::Kind;
use super::generated::{TestRng, clean};
use super::record::{Audience, Entry, Fact, History, Reader, Seen, Tenant};

/// The number of histories that each mutation is applied to.
const SEEDS: u64 = 200;

/// A mutation of a history, and the fault that must be found. It returns `None` and changes nothing when the history
/// has no place for it.
type Mutation = fn(&mut History, &mut TestRng) -> Option<()>;

const MUTATIONS: &[(&str, Kind, Mutation)] = &[
    ("an acknowledged entry is gone and the rest moved up", Kind::Lost, lose_acknowledged),
    ("the log ends before what was acknowledged last", Kind::Lost, lose_the_end),
    ("an entry says what nobody said", Kind::Phantom, add_phantom),
    ("an entry says what an earlier one said", Kind::Doubled, duplicate_entry),
    ("two entries of one writer have changed places", Kind::Reordered, reorder),
    ("a number is left out", Kind::Hole, skip_number),
    ("a number comes twice", Kind::Hole, repeat_number),
    ("a reader misses an entry", Kind::SilentGap, drop_seen),
    ("a reader misses several entries", Kind::SilentGap, drop_several_seen),
    ("a reader is told of too small a gap", Kind::SilentGap, shrink_gap),
    ("a reader misses the end", Kind::LostTail, drop_tail),
    ("a reader sees nothing at all", Kind::LostTail, drop_all_seen),
    ("a reader sees an entry again at once", Kind::SeenTwice, repeat_at_once),
    ("a reader sees an entry again later", Kind::SeenTwice, repeat_later),
    ("a reader sees two entries the wrong way round", Kind::SeenLate, swap),
    ("a reader sees an entry with another content", Kind::Imagined, alter),
    ("a reader sees what was rolled back", Kind::Imagined, add_rolled_back),
    ("a reader sees another tenant's entry", Kind::TenantLeak, leak_entry_across_tenants),
    (
        "a reader sees another tenant's words under a position of its own",
        Kind::TenantLeak,
        leak_content_across_tenants,
    ),
    ("a viewer sees what is for admins", Kind::TopicLeak, leak_admin_entry),
    ("a reader without feeds sees a feed's entry", Kind::TopicLeak, leak_feed_entry),
];

#[test]
fn clean_histories_are_accepted() {
    for seed in 0..SEEDS * 5 {
        let faults = clean(seed).faults();

        assert!(faults.is_empty(), "seed {seed}: {faults:#?}");
    }
}

#[test]
fn every_kind_of_mutation_is_detected_wherever_it_is_applied() {
    for (words, kind, spoil) in MUTATIONS {
        let mut done = 0;
        for seed in 0..SEEDS * 2 {
            let mut history = clean(seed);
            if done == SEEDS || spoil(&mut history, &mut TestRng(!seed)).is_none() {
                continue;
            }
            done += 1;
            let faults = history.faults();

            assert!(faults.iter().any(|fault| fault.kind == *kind), "seed {seed}, {words}: {faults:#?}");
        }
        assert_eq!(done, SEEDS, "{words}: too few histories have a place for it");
    }
}

fn tenant<'a>(history: &'a mut History, dice: &mut TestRng) -> &'a mut Tenant {
    let index = dice.below(2);
    &mut history.tenants[index]
}

fn reader<'a>(history: &'a mut History, dice: &mut TestRng) -> &'a mut Reader {
    let index = dice.below(4);
    &mut tenant(history, dice).readers[index]
}

/// A random index at which `fits` holds.
fn pick_index<T>(list: &[T], dice: &mut TestRng, fits: impl Fn(usize, &T) -> bool) -> Option<usize> {
    let indexes: Vec<usize> =
        list.iter().enumerate().filter(|(at, one)| fits(*at, one)).map(|(at, _)| at).collect();
    if indexes.is_empty() { None } else { Some(*dice.pick(&indexes)) }
}

/// Changes the log and what readers saw of it alike, so that only a check of the log itself can find it.
fn update_entries(tenant: &mut Tenant, mut change: impl FnMut(&mut Entry)) {
    tenant.log.iter_mut().for_each(&mut change);
    let seen = tenant.readers.iter_mut().flat_map(|reader| &mut reader.seen);
    for one in seen {
        if let Seen::Event(entry) = one {
            change(entry);
        }
    }
}

/// Removes entries from the log and from what readers saw.
fn remove_entries(tenant: &mut Tenant, positions: &[String]) {
    let is_kept = |entry: &Entry| !positions.contains(&entry.position);
    tenant.log.retain(is_kept);
    for reader in &mut tenant.readers {
        reader.seen.retain(|one| match one {
            Seen::Event(entry) => is_kept(entry),
            Seen::Gap { .. } => true,
        });
    }
}

fn acknowledged(tenant: &Tenant, entry: &Entry) -> bool {
    entry.fact.as_ref().is_some_and(|fact| tenant.acknowledged.iter().flatten().any(|one| one == fact))
}

fn lose_acknowledged(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let at = pick_index(&tenant.log, dice, |_, entry| acknowledged(tenant, entry))?;
    let gone = tenant.log[at].number()?;
    let position = tenant.log[at].position.clone();
    remove_entries(tenant, &[position]);
    update_entries(tenant, |entry| {
        let (epoch, _) = entry.position.split_once('-').unwrap();
        let number = entry.number().unwrap();
        entry.position = format!("{epoch}-{:x}", if number > gone { number - 1 } else { number });
    });
    Some(())
}

fn lose_the_end(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let from = tenant.log.len() - 1 - dice.below(3);
    let gone: Vec<String> = tenant.log[from..].iter().map(|entry| entry.position.clone()).collect();
    remove_entries(tenant, &gone);
    Some(())
}

fn add_phantom(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let at = pick_index(&tenant.log, dice, |_, entry| !acknowledged(tenant, entry))?;
    let position = tenant.log[at].position.clone();
    update_entries(tenant, |entry| {
        if entry.position == position {
            entry.fact = Some(Fact::message("a voice from nowhere"));
        }
    });
    Some(())
}

fn duplicate_entry(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let first = pick_index(&tenant.log, dice, |_, entry| entry.fact.is_some())?;
    let again = pick_index(&tenant.log, dice, |at, entry| at > first && !acknowledged(tenant, entry))?;
    let (fact, position) = (tenant.log[first].fact.clone(), tenant.log[again].position.clone());
    update_entries(tenant, |entry| {
        if entry.position == position {
            entry.fact.clone_from(&fact);
        }
    });
    Some(())
}

fn reorder(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let writer = dice.below(3);
    let one = dice.below(tenant.acknowledged[writer].len() - 1);
    let other = one + 1 + dice.below(tenant.acknowledged[writer].len() - one - 1);
    let pair = (tenant.acknowledged[writer][one].clone(), tenant.acknowledged[writer][other].clone());
    update_entries(tenant, |entry| match &entry.fact {
        Some(fact) if *fact == pair.0 => entry.fact = Some(pair.1.clone()),
        Some(fact) if *fact == pair.1 => entry.fact = Some(pair.0.clone()),
        _ => {}
    });
    Some(())
}

fn skip_number(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let inside = 1..tenant.log.len() - 1;
    let at = pick_index(&tenant.log, dice, |at, entry| inside.contains(&at) && !acknowledged(tenant, entry))?;
    let position = tenant.log[at].position.clone();
    remove_entries(tenant, &[position]);
    Some(())
}

fn repeat_number(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let at = 1 + dice.below(tenant.log.len() - 1);
    tenant.log[at].position = tenant.log[at - 1].position.clone();
    Some(())
}

/// The index of an entry that the reader needs and has seen, except the last.
fn needed(reader: &Reader, dice: &mut TestRng) -> Option<usize> {
    let last = reader.seen.len() - 1;
    pick_index(&reader.seen, dice, |at, one| {
        at < last && matches!(one, Seen::Event(entry) if !entry.is_progress)
    })
}

fn drop_seen(history: &mut History, dice: &mut TestRng) -> Option<()> {
    // Not the reader with the gap, which may excuse a missing entry.
    let reader = &mut tenant(history, dice).readers[[0, 1, 3][dice.below(3)]];
    let at = needed(reader, dice)?;
    reader.seen.remove(at);
    Some(())
}

fn drop_several_seen(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = &mut tenant(history, dice).readers[[0, 1, 3][dice.below(3)]];
    let at = needed(reader, dice)?;
    let end = reader.seen.len() - 1;
    reader.seen.drain(at..end.min(at + 2 + dice.below(5)));
    Some(())
}

fn shrink_gap(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let tenant = tenant(history, dice);
    let reader = &mut tenant.readers[2];
    let gap = reader.seen.iter_mut().find_map(|one| match one {
        Seen::Gap { to } => Some(to),
        Seen::Event(_) => None,
    })?;
    let (epoch, _) = gap.split_once('-')?;
    // Ends before the first missing entry, so that the gap covers none of them.
    *gap = format!("{epoch}-{:x}", dice.below(4));
    let needed = tenant.log.iter().any(|entry| {
        let seen = reader.seen.iter().any(|one| matches!(one, Seen::Event(seen) if seen == entry));
        reader.may_see(entry) && !seen && !entry.is_progress
    });
    needed.then_some(())
}

fn drop_tail(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = reader(history, dice);
    let end = reader.seen.len();
    reader.seen.truncate(end - 1 - dice.below(3));
    Some(())
}

fn drop_all_seen(history: &mut History, dice: &mut TestRng) -> Option<()> {
    reader(history, dice).seen.clear();
    Some(())
}

fn repeat_at_once(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = reader(history, dice);
    let at = needed(reader, dice)?;
    reader.seen.insert(at, reader.seen[at].clone());
    Some(())
}

fn repeat_later(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = reader(history, dice);
    let at = needed(reader, dice)?;
    let later = at + 1 + dice.below(reader.seen.len() - at);
    reader.seen.insert(later, reader.seen[at].clone());
    Some(())
}

fn swap(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = reader(history, dice);
    let is_event = |at: usize| matches!(reader.seen[at], Seen::Event(_));
    let last = reader.seen.len() - 1;
    let at = pick_index(&reader.seen, dice, |at, _| at < last && is_event(at) && is_event(at + 1))?;
    reader.seen.swap(at, at + 1);
    Some(())
}

fn alter(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = reader(history, dice);
    let at = needed(reader, dice)?;
    let Seen::Event(entry) = &mut reader.seen[at] else { return None };
    entry.digest ^= 1 << dice.below(64);
    entry.fact = entry.fact.as_ref().map(|_| Fact::message("something else"));
    Some(())
}

fn add_rolled_back(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let reader = reader(history, dice);
    let at = needed(reader, dice)?;
    let Seen::Event(entry) = &reader.seen[at] else { return None };
    let (epoch, _) = entry.position.split_once('-')?;
    let position = format!("{epoch}-{:x}", 1_000 + dice.below(1_000));
    let undone = Entry { position, fact: Some(Fact::message("undone")), ..entry.clone() };
    reader.seen.insert(at + 1, Seen::Event(undone));
    Some(())
}

fn leak_entry_across_tenants(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let from = dice.below(2);
    let entry = dice.pick(&history.tenants[from].log).clone();
    let reader = &mut history.tenants[1 - from].readers[dice.below(4)];
    let at = dice.below(reader.seen.len());
    reader.seen.insert(at, Seen::Event(entry));
    Some(())
}

fn leak_content_across_tenants(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let from = dice.below(2);
    let log = &history.tenants[from].log;
    let at = pick_index(log, dice, |_, entry| matches!(entry.fact, Some(Fact::Message(_))))?;
    let fact = log[at].fact.clone();
    let reader = &mut history.tenants[1 - from].readers[dice.below(4)];
    let at = needed(reader, dice)?;
    let Seen::Event(entry) = &mut reader.seen[at] else { return None };
    entry.fact = fact;
    Some(())
}

fn leak_admin_entry(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let viewer = 2 + dice.below(2);
    let is_for_admins = |audience| matches!(audience, Audience::Admins | Audience::FollowingAdmins);
    leak_by_audience(history, dice, viewer, is_for_admins)
}

fn leak_feed_entry(history: &mut History, dice: &mut TestRng) -> Option<()> {
    let without_feeds = 1 + 2 * dice.below(2);
    leak_by_audience(history, dice, without_feeds, |audience| audience == Audience::Followers)
}

/// Inserts an entry of `audience` at its place among what the reader saw.
fn leak_by_audience(
    history: &mut History,
    dice: &mut TestRng,
    reader: usize,
    audience: impl Fn(Audience) -> bool,
) -> Option<()> {
    let tenant = tenant(history, dice);
    let at = pick_index(&tenant.log, dice, |_, entry| audience(entry.audience))?;
    let entry = tenant.log[at].clone();
    let seen = &mut tenant.readers[reader].seen;
    let is_later = |one: &Seen| matches!(one, Seen::Event(other) if other.number() > entry.number());
    let at = seen.iter().position(is_later)?;
    seen.insert(at, Seen::Event(entry));
    Some(())
}
