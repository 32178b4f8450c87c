//! What the outside saw of a log, and the faults in it. A pure check over records of clients: it knows nothing of the
//! server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A durable frame, as the log's list or a follower had it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub position: String,
    /// A later report of the same job may stand for it.
    pub may_be_passed_over: bool,
    /// The text of a broadcast.
    pub broadcast: Option<String>,
}

/// Everything that the clients of one tenant wrote and read.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Broadcasts that were tried, acknowledged or not.
    pub tried: BTreeSet<String>,
    /// Broadcasts that were acknowledged, one after the other.
    pub acknowledged: Vec<String>,
    /// The whole log, as somebody who may see everything reads it in the end.
    pub log: Vec<Entry>,
    /// What a follower saw that resumed by position.
    pub followed: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Acknowledged, and not in the log.
    Lost(String),
    /// In the log more than once.
    Doubled(String),
    /// In the log before what was acknowledged earlier.
    Reordered(String),
    /// In the log, and never tried.
    Phantom(String),
    /// A position that does not follow the one before it.
    Hole(String),
    /// In the log, and never seen by the follower.
    Unseen(String),
    /// Seen by the follower more than once.
    SeenTwice(String),
    /// Seen by the follower before what stands earlier in the log.
    SeenEarly(String),
    /// Seen by the follower, and not in the log as it was seen.
    Imagined(String),
}

impl Entry {
    /// Reads a frame. `None`: it passes by.
    pub fn of(frame: &Value) -> Option<Self> {
        frame["occurred_at"].as_str()?;
        let is_broadcast = frame["type"] == "system_notification";
        Some(Self {
            position: frame["position"].as_str()?.to_owned(),
            may_be_passed_over: frame["event"] == "job_progress",
            broadcast: is_broadcast.then(|| frame["message"].as_str().unwrap_or_default().to_owned()),
        })
    }
}

impl History {
    /// Every fault that there is. None: the log kept its promises.
    pub fn faults(&self) -> BTreeSet<Fault> {
        let mut faults = BTreeSet::new();
        self.check_broadcasts(&mut faults);
        self.check_sequence(&mut faults);
        self.check_follower(&mut faults);
        faults
    }

    fn check_broadcasts(&self, faults: &mut BTreeSet<Fault>) {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, text) in
            self.log.iter().enumerate().filter_map(|(at, one)| Some((at, one.broadcast.as_deref()?)))
        {
            if places.insert(text, index).is_some() {
                faults.insert(Fault::Doubled(text.to_owned()));
            }
            if !self.tried.contains(text) {
                faults.insert(Fault::Phantom(text.to_owned()));
            }
        }
        let mut last = None;
        for text in &self.acknowledged {
            match places.get(text.as_str()) {
                None => {
                    faults.insert(Fault::Lost(text.clone()));
                }
                place if place < last.as_ref() => {
                    faults.insert(Fault::Reordered(text.clone()));
                }
                place => last = place.copied(),
            }
        }
    }

    /// Whoever may see everything sees the numbers of the log without a gap, from the first.
    fn check_sequence(&self, faults: &mut BTreeSet<Fault>) {
        for (index, entry) in self.log.iter().enumerate() {
            if number(&entry.position) != Some(index as u64 + 1) {
                faults.insert(Fault::Hole(entry.position.clone()));
            }
        }
    }

    fn check_follower(&self, faults: &mut BTreeSet<Fault>) {
        let places: BTreeMap<&str, usize> =
            self.log.iter().enumerate().map(|(index, entry)| (entry.position.as_str(), index)).collect();
        let mut seen = BTreeSet::new();
        let mut last = None;
        for entry in &self.followed {
            let position = entry.position.clone();
            let place = places.get(position.as_str()).copied().filter(|place| self.log[*place] == *entry);
            if place.is_none() {
                faults.insert(Fault::Imagined(position));
            } else if !seen.insert(entry.position.as_str()) {
                faults.insert(Fault::SeenTwice(position));
            } else if place < last {
                faults.insert(Fault::SeenEarly(position));
            } else {
                last = place;
            }
        }
        let unseen = self.log.iter().filter(|entry| !seen.contains(entry.position.as_str()));
        let unseen = unseen.filter(|entry| !entry.may_be_passed_over);
        faults.extend(unseen.map(|entry| Fault::Unseen(entry.position.clone())));
    }
}

/// The number in a position. Clients compare positions by equality only; a test may look inside.
fn number(position: &str) -> Option<u64> {
    let (_, number) = position.split_once('-')?;
    u64::from_str_radix(number, 16).ok()
}

mod tests {
    use super::*;

    /// Twelve entries, every third a broadcast, one of those tried and not acknowledged.
    fn good() -> History {
        let entry = |number: u64| Entry {
            position: format!("1f-{number:x}"),
            may_be_passed_over: number % 3 == 1,
            broadcast: number.is_multiple_of(3).then(|| format!("b{number}")),
        };
        let log: Vec<Entry> = (1..=12).map(entry).collect();
        let texts = ["b3", "b6", "b9", "b12"].map(str::to_owned);
        let acknowledged = vec![texts[0].clone(), texts[2].clone(), texts[3].clone()];
        let tried = texts.into_iter().chain(["never arrived".to_owned()]).collect();
        let followed = log.iter().filter(|entry| entry.position != "1f-4").cloned().collect();
        History { tried, acknowledged, log, followed }
    }

    fn faults_after(spoil: impl FnOnce(&mut History)) -> Vec<Fault> {
        let mut history = good();
        spoil(&mut history);
        history.faults().into_iter().collect()
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn a_good_history_has_no_faults() {
        assert_eq!(faults_after(|_| {}), []);
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let faults = faults_after(|history| history.acknowledged.push(text("never arrived")));

        assert_eq!(faults, [Fault::Lost(text("never arrived"))]);
    }

    #[test]
    fn what_is_there_twice_is_doubled() {
        let faults = faults_after(|history| {
            let again = Entry { broadcast: Some(text("b3")), ..history.log[10].clone() };
            history.log[10] = again.clone();
            history.followed[9] = again;
        });

        assert!(faults.contains(&Fault::Doubled(text("b3"))), "{faults:?}");
    }

    #[test]
    fn what_was_acknowledged_earlier_and_stands_later_is_reordered() {
        let faults = faults_after(|history| history.acknowledged.swap(0, 1));

        assert_eq!(faults, [Fault::Reordered(text("b3"))]);
    }

    #[test]
    fn what_nobody_said_is_a_phantom() {
        let faults = faults_after(|history| {
            history.tried.remove("b6");
        });

        assert_eq!(faults, [Fault::Phantom(text("b6"))]);
    }

    #[test]
    fn a_number_that_is_left_out_is_a_hole() {
        let faults = faults_after(|history| {
            history.log.remove(1);
            history.followed.remove(1);
        });

        assert!(faults.contains(&Fault::Hole(text("1f-3"))), "{faults:?}");
        let trimmed = faults_after(|history| {
            history.log.remove(0);
            history.followed.remove(0);
        });
        assert!(trimmed.contains(&Fault::Hole(text("1f-2"))), "{trimmed:?}");
    }

    #[test]
    fn what_a_follower_missed_saw_twice_or_too_early_is_told() {
        let missed = faults_after(|history| drop(history.followed.remove(1)));
        let twice = faults_after(|history| history.followed.insert(2, history.followed[1].clone()));
        let early = faults_after(|history| history.followed.swap(1, 2));

        assert_eq!(missed, [Fault::Unseen(text("1f-2"))]);
        assert_eq!(twice, [Fault::SeenTwice(text("1f-2"))]);
        assert_eq!(early, [Fault::SeenEarly(text("1f-2"))]);
    }

    #[test]
    fn what_a_follower_saw_and_the_log_does_not_have_is_imagined() {
        let withdrawn = faults_after(|history| history.followed[1].broadcast = Some(text("withdrawn")));
        let future = faults_after(|history| {
            let entry = Entry { position: text("1f-ff"), ..history.followed[1].clone() };
            history.followed.push(entry);
        });

        assert_eq!(withdrawn, [Fault::Unseen(text("1f-2")), Fault::Imagined(text("1f-2"))]);
        assert_eq!(future, [Fault::Imagined(text("1f-ff"))]);
    }
}
