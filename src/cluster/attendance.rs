//! Who is there, by connection. What is asked is answered from this node's memory at once: a variant that is shared by
//! several nodes mirrors what the others say and tells them its own behind the caller's back.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::base::ids::{ConnectionId, TenantId, UserId};

/// Somebody of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    pub tenant: TenantId,
    pub user: UserId,
}

/// Whether somebody sits in front of a connection. The greater one stands for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    Away,
    Online,
}

/// The people who are there.
pub trait Attendance: Send + Sync {
    /// Notes a connection of a person, or what it says of itself now.
    fn put(&self, person: Person, connection: ConnectionId, attention: Attention);

    fn remove(&self, person: Person, connection: ConnectionId);

    /// The best that any connection of the person says; `None`: there is no connection.
    fn of(&self, person: Person) -> Option<Attention>;

    /// How many connections of the person are noted.
    fn connections(&self, person: Person) -> usize;

    /// The people whose [`Attendance::of`] may have changed since this was asked last.
    fn take_changed(&self) -> Vec<Person>;

    /// How many people are there, in all tenants.
    fn count(&self) -> usize;
}

/// The attendance of one node.
#[derive(Default)]
pub struct MemoryAttendance(Mutex<State>);

/// Bounded by the connections themselves: a person without any is forgotten, and a change is noted once a person until it
/// is taken.
#[derive(Default)]
struct State {
    people: HashMap<Person, Vec<(ConnectionId, Attention)>>,
    changed: HashSet<Person>,
}

impl State {
    fn of(&self, person: Person) -> Option<Attention> {
        self.people.get(&person)?.iter().map(|(_, attention)| *attention).max()
    }

    /// Changes a person's connections, and notes it where that changes how the person stands.
    fn change(&mut self, person: Person, change: impl FnOnce(&mut Vec<(ConnectionId, Attention)>)) {
        let before = self.of(person);
        let connections = self.people.entry(person).or_default();
        change(connections);
        if connections.is_empty() {
            self.people.remove(&person);
        }
        if self.of(person) != before {
            self.changed.insert(person);
        }
    }
}

impl Attendance for MemoryAttendance {
    fn put(&self, person: Person, connection: ConnectionId, attention: Attention) {
        self.0.lock().change(person, |connections| {
            match connections.iter_mut().find(|(noted, _)| *noted == connection) {
                Some((_, noted)) => *noted = attention,
                None => connections.push((connection, attention)),
            }
        });
    }

    fn remove(&self, person: Person, connection: ConnectionId) {
        let gone = |connections: &mut Vec<_>| connections.retain(|(noted, _)| *noted != connection);
        self.0.lock().change(person, gone);
    }

    fn of(&self, person: Person) -> Option<Attention> {
        self.0.lock().of(person)
    }

    fn connections(&self, person: Person) -> usize {
        self.0.lock().people.get(&person).map_or(0, Vec::len)
    }

    fn take_changed(&self) -> Vec<Person> {
        std::mem::take(&mut self.0.lock().changed).into_iter().collect()
    }

    fn count(&self) -> usize {
        self.0.lock().people.len()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::base::clock::Clock;

    const ANN: Person = Person { tenant: TenantId(1), user: UserId(7) };

    fn connection() -> ConnectionId {
        ConnectionId::new(&Clock::manual(DateTime::UNIX_EPOCH))
    }

    #[test]
    fn a_person_is_online_where_any_connection_is_and_away_where_all_are() {
        let (attendance, one, other) = (MemoryAttendance::default(), connection(), connection());

        attendance.put(ANN, one, Attention::Online);
        attendance.put(ANN, other, Attention::Away);
        assert_eq!(attendance.of(ANN), Some(Attention::Online));

        attendance.put(ANN, one, Attention::Away);
        assert_eq!((attendance.of(ANN), attendance.connections(ANN)), (Some(Attention::Away), 2));

        attendance.remove(ANN, one);
        attendance.remove(ANN, other);
        assert_eq!((attendance.of(ANN), attendance.count()), (None, 0));
    }

    #[test]
    fn only_what_changes_how_a_person_stands_is_a_change() {
        let (attendance, one, other) = (MemoryAttendance::default(), connection(), connection());
        attendance.put(ANN, one, Attention::Online);
        assert_eq!(attendance.take_changed(), [ANN]);

        attendance.put(ANN, other, Attention::Online);
        attendance.put(ANN, other, Attention::Away);
        attendance.remove(ANN, other);
        assert_eq!(attendance.take_changed(), []);

        attendance.remove(ANN, one);
        assert_eq!(attendance.take_changed(), [ANN]);
    }

    #[test]
    fn the_same_user_id_of_another_tenant_is_somebody_else() {
        let attendance = MemoryAttendance::default();
        attendance.put(ANN, connection(), Attention::Online);

        assert_eq!(attendance.of(Person { tenant: TenantId(2), ..ANN }), None);
    }
}
