//! Where the known pages of a job's hosts are read next: in portions, so that however many a tenant has, none is held
//! in memory. Pure.

use std::collections::VecDeque;

use crate::base::ids::PropertyId;

/// The place in the known pages of a job. By default there are none.
#[derive(Debug, Default)]
pub(super) struct KnownCursor {
    /// Hosts as their listings name them; those of one entry are read together.
    hosts: VecDeque<Vec<String>>,
    after: Option<PropertyId>,
    /// Known pages that may still be added.
    left: usize,
}

impl KnownCursor {
    /// Known pages of `hosts`, at most `left`.
    pub(super) fn new(hosts: Vec<String>, left: usize) -> Self {
        Self { hosts: [hosts].into(), after: None, left }
    }

    /// The hosts whose pages are read next, and the property after which they are; `None` at the end.
    pub(super) fn position(&self) -> Option<(&[String], Option<PropertyId>)> {
        self.hosts.front().filter(|_| self.left > 0).map(|hosts| (hosts.as_slice(), self.after))
    }

    /// A portion was read up to this property; `None`: there was nothing more.
    pub(super) fn advance(&mut self, last: Option<PropertyId>) {
        self.after = last;
        if last.is_none() {
            self.hosts.pop_front();
        }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// So many of them were added to the frontier.
    pub(super) fn take(&mut self, added: usize) {
        self.left = self.left.saturating_sub(added);
    }

    /// A host that belongs to the job from now on.
    pub(super) fn add_host(&mut self, host: String) {
        self.hosts.push_back(vec![host]);
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.position().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_follow_each_other_and_then_the_next_hosts() {
        let hosts = |name: &str| vec![name.to_owned()];
        let mut cursor = KnownCursor::new(hosts("a.example"), 3);
        assert_eq!(cursor.position(), Some((hosts("a.example").as_slice(), None)));

        cursor.advance(Some(PropertyId(7)));
        assert_eq!(cursor.position(), Some((hosts("a.example").as_slice(), Some(PropertyId(7)))));
        cursor.add_host("www.a.example".to_owned());
        cursor.advance(None);
        assert_eq!(cursor.position(), Some((hosts("www.a.example").as_slice(), None)));

        cursor.take(2);
        assert!(!cursor.is_at_end() && cursor.left() == 1);
        cursor.take(5);
        assert!(cursor.is_at_end() && KnownCursor::default().is_at_end());
    }
}
