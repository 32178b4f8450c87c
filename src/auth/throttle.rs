//! Slows the guessing of passwords: failures are counted for each account and for each client address, and each one
//! past a free allowance doubles the wait. Names that do not exist are counted like those that do.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// How one kind of counter grows.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Failures that cost nothing.
    pub free: u32,
    /// The wait after the first failure past them; it doubles with each further one.
    pub first_wait: TimeDelta,
    pub longest_wait: TimeDelta,
    /// How long it takes to forget one failure.
    pub forget_one_after: TimeDelta,
}

/// How logins are throttled.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleSettings {
    pub account: Allowance,
    /// Larger: one address may stand for a whole office.
    pub address: Allowance,
    /// Counters of each kind that are remembered at least; twice as many at most.
    pub remembered: usize,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let account = Allowance {
            free: 5,
            first_wait: TimeDelta::seconds(1),
            // Short enough that nobody can lock a person out for long by failing in their name.
            longest_wait: TimeDelta::seconds(60),
            forget_one_after: TimeDelta::minutes(3),
        };
        let address = Allowance {
            free: 30,
            first_wait: TimeDelta::seconds(1),
            longest_wait: TimeDelta::minutes(5),
            forget_one_after: TimeDelta::seconds(20),
        };
        Self { account, address, remembered: 50_000 }
    }
}

/// The failures so far. One per node: a caller guards it with a lock and never holds that across a wait.
#[derive(Debug)]
pub struct LoginThrottle {
    settings: ThrottleSettings,
    accounts: Recent,
    addresses: Recent,
}

/// A login that was let through. It counts as failed from the start, so that a thousand guesses at once are a thousand
/// failures; give it back through [`LoginThrottle::succeeded`] or [`LoginThrottle::withdrawn`].
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    account: Key,
    address: Key,
    /// Whether the account's own counter was asked and raised.
    counts_for_account: bool,
}

/// Too many failures: how long to wait before the next attempt can be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub TimeDelta);

impl LoginThrottle {
    /// A throttle that has seen nothing yet.
    pub fn new(settings: ThrottleSettings) -> Self {
        let table = || Recent::new(settings.remembered);
        Self { settings, accounts: table(), addresses: table() }
    }

    /// Lets a login through or says how long to wait. `tenant` and `username` are taken as they were typed.
    pub fn begin(
        &mut self,
        tenant: &str,
        username: &str,
        client: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Wait> {
        let (account, address) = (account_key(tenant, username), address_key(client));
        // First the address, and no further when it must wait: or it could push other accounts' counts out of memory
        // by trying names without end.
        self.addresses.entry(address).ask(&self.settings.address, now)?;
        let counter = self.accounts.entry(account);
        // An address that this account signed in from before is not stopped by others' failures in its name: a
        // stranger must not be able to shut a person out. It is still bound by its own address's count.
        let counts_for_account = counter.trusted != Some(address);
        if counts_for_account {
            counter.ask(&self.settings.account, now)?;
            counter.fail(&self.settings.account, now);
        }
        self.addresses.entry(address).fail(&self.settings.address, now);
        Ok(Attempt { account, address, counts_for_account })
    }

    /// The password was right: the account starts afresh and trusts the address. The address only takes its own attempt
    /// back, or a guesser could wipe its count with an account of their own.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt has one outcome")]
    pub fn succeeded(&mut self, attempt: Attempt) {
        let Attempt { account, address, counts_for_account: _ } = attempt;
        *self.accounts.entry(account) = Counter { trusted: Some(address), ..Counter::default() };
        self.addresses.entry(address).take_back();
    }

    /// The password was never compared (the server was busy, say): nothing was learnt, nothing counts.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt has one outcome")]
    pub fn withdrawn(&mut self, attempt: Attempt) {
        let Attempt { account, address, counts_for_account } = attempt;
        if counts_for_account {
            self.accounts.entry(account).take_back();
        }
        self.addresses.entry(address).take_back();
    }
}

/// Names and addresses are kept as short hashes: of one size whatever was typed, and no list of names in memory.
type Key = [u8; 16];

fn account_key(tenant: &str, username: &str) -> Key {
    // Folded, so that case is no way around the count. The lengths keep `a` + `bc` and `ab` + `c` apart.
    let (tenant, username) = (tenant.to_lowercase(), username.to_lowercase());
    let hash = Sha256::new()
        .chain_update(tenant.len().to_le_bytes())
        .chain_update(tenant)
        .chain_update(username)
        .finalize();
    short(&hash)
}

fn address_key(client: IpAddr) -> Key {
    // An IPv6 subscriber has a whole /64 to choose from.
    let octets = match client.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).octets()
        }
    };
    short(&Sha256::digest(octets))
}

fn short(hash: &[u8]) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&hash[..16]);
    key
}

/// Failures that drain away one by one. Of one size, however many they are.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    failures: u32,
    /// Until when the failures are drained.
    drained_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    /// For an account: where it last signed in from.
    trusted: Option<Key>,
}

impl Counter {
    /// Whether the next attempt may be let through.
    fn ask(&mut self, allowance: &Allowance, now: DateTime<Utc>) -> Result<(), Wait> {
        self.drain(allowance, now);
        let Some(failed_at) = self.failed_at else { return Ok(()) };
        let left = failed_at + delay(self.failures, allowance) - now;
        if left <= TimeDelta::zero() {
            return Ok(());
        }
        // A clock that was set back must not stretch a wait beyond the longest one.
        Err(Wait(left.min(allowance.longest_wait)))
    }

    fn fail(&mut self, allowance: &Allowance, now: DateTime<Utc>) {
        self.drain(allowance, now);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
    }

    fn take_back(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    fn drain(&mut self, allowance: &Allowance, now: DateTime<Utc>) {
        let since = self.drained_at.unwrap_or(now).min(now);
        let step = allowance.forget_one_after.num_milliseconds().max(1);
        let steps = (now - since).num_milliseconds() / step;
        self.failures = self.failures.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        // The rest of a step goes on counting; an empty counter starts its first step when it is next used.
        let rest = TimeDelta::milliseconds((now - since).num_milliseconds() % step);
        self.drained_at = Some(if self.failures == 0 { now } else { now - rest });
    }
}

fn delay(failures: u32, allowance: &Allowance) -> TimeDelta {
    let Some(past) = failures.checked_sub(allowance.free + 1) else { return TimeDelta::zero() };
    let doubled = 1_i32.checked_shl(past).filter(|factor| *factor > 0);
    let delay = doubled.and_then(|factor| allowance.first_wait.checked_mul(factor));
    delay.map_or(allowance.longest_wait, |delay| delay.min(allowance.longest_wait))
}

/// Counters of the keys used most recently, in two generations: when the young one is full it becomes the old one, and
/// the old one is dropped. Bounded at twice `size` with constant work, and what is in use is never dropped.
#[derive(Debug)]
struct Recent {
    size: usize,
    young: HashMap<Key, Counter>,
    old: HashMap<Key, Counter>,
}

impl Recent {
    fn new(size: usize) -> Self {
        Self { size: size.max(1), young: HashMap::new(), old: HashMap::new() }
    }

    fn entry(&mut self, key: Key) -> &mut Counter {
        if !self.young.contains_key(&key) && self.young.len() >= self.size {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn throttle() -> LoginThrottle {
        LoginThrottle::new(ThrottleSettings::default())
    }

    /// The `n`th of many addresses.
    fn address(n: u16) -> IpAddr {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, n, 0, 0, 0, 1))
    }

    /// Fails to log in until told to wait; the number of failures and the wait.
    fn fail(throttle: &mut LoginThrottle, name: &str, from: impl Fn(u16) -> IpAddr, now: i64) -> (u16, i64) {
        for n in 0..2000 {
            if let Err(Wait(wait)) = throttle.begin("acme", name, from(n), at(now)) {
                return (n, wait.num_seconds());
            }
        }
        (2000, 0)
    }

    #[test]
    fn an_accounts_failures_cost_nothing_and_then_more_and_more() {
        let mut throttle = throttle();

        assert_eq!(fail(&mut throttle, "ann", address, 0), (6, 1));
        assert_eq!(fail(&mut throttle, "ann", address, 1), (1, 2));
        assert_eq!(fail(&mut throttle, "ann", address, 3), (1, 4));
        assert_eq!(fail(&mut throttle, "ann", address, 7), (1, 8));
    }

    #[test]
    fn a_wait_has_a_longest() {
        let mut throttle = throttle();
        let (mut now, mut longest) = (0, 0);
        for _ in 0..100 {
            let (_, wait) = fail(&mut throttle, "ann", address, now);
            now += wait;
            longest = longest.max(wait);
        }

        assert_eq!(longest, 60);
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let mut throttle = throttle();
        fail(&mut throttle, "ann", address, 0);

        // Three of the six are drained after nine minutes.
        assert_eq!(fail(&mut throttle, "ann", address, 9 * 60), (3, 1));
        assert_eq!(fail(&mut throttle, "ann", address, 24 * 3600), (6, 1));
    }

    #[test]
    fn one_address_may_not_go_through_many_accounts() {
        let mut throttle = throttle();
        let mut passed = 0;
        while throttle.begin("acme", &format!("user{passed}"), HOME, at(0)).is_ok() {
            passed += 1;
        }

        assert_eq!(passed, 31);
        assert!(throttle.begin("acme", "ann", address(1), at(0)).is_ok());
    }

    #[test]
    fn addresses_of_one_subscriber_are_one() {
        let same = |n: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, n, n, n, n));
        assert_eq!(address_key(same(1)), address_key(same(2)));
        assert_ne!(address_key(address(1)), address_key(address(2)));
        assert_eq!(address_key(HOME), address_key("::ffff:192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn case_is_no_way_around_and_tenants_are_apart() {
        let mut throttle = throttle();
        fail(&mut throttle, "ann", address, 0);

        assert!(throttle.begin("ACME", "Ann", HOME, at(0)).is_err());
        assert!(throttle.begin("beta", "ann", HOME, at(0)).is_ok());
        assert_ne!(account_key("a", "bc"), account_key("ab", "c"));
    }

    #[test]
    fn a_success_clears_the_account_and_takes_back_the_addresses_attempt() {
        let mut throttle = throttle();
        for _ in 0..500 {
            let attempt = throttle.begin("acme", "ann", HOME, at(0)).unwrap();
            throttle.succeeded(attempt);
        }
        for _ in 0..500 {
            let attempt = throttle.begin("acme", "ann", HOME, at(0)).unwrap();
            throttle.withdrawn(attempt);
        }
    }

    #[test]
    fn a_success_does_not_wipe_what_the_address_did_to_others() {
        let mut throttle = throttle();
        for n in 0..30 {
            assert!(throttle.begin("acme", &format!("user{n}"), HOME, at(0)).is_ok());
        }
        let own = throttle.begin("acme", "mallory", HOME, at(0)).unwrap();
        throttle.succeeded(own);

        assert!(throttle.begin("acme", "user31", HOME, at(0)).is_ok());
        assert!(throttle.begin("acme", "user32", HOME, at(0)).is_err());
    }

    #[test]
    fn a_stranger_cannot_shut_a_person_out_of_their_usual_place() {
        let mut throttle = throttle();
        let attempt = throttle.begin("acme", "ann", HOME, at(0)).unwrap();
        throttle.succeeded(attempt);

        fail(&mut throttle, "ann", address, 1);

        assert!(throttle.begin("acme", "ann", HOME, at(1)).is_ok());
        assert!(throttle.begin("acme", "ann", address(999), at(1)).is_err());
    }

    #[test]
    fn guesses_made_at_once_are_counted_before_they_are_answered() {
        let mut throttle = throttle();

        let open: Vec<_> =
            (0..10).filter_map(|n| throttle.begin("acme", "ann", address(n), at(0)).ok()).collect();

        assert_eq!(open.len(), 6);
    }

    #[test]
    fn memory_is_bounded_and_what_is_in_use_is_kept() {
        let settings = ThrottleSettings { remembered: 10, ..Default::default() };
        let mut throttle = LoginThrottle::new(settings);
        fail(&mut throttle, "ann", address, 0);

        for n in 0..1000 {
            let _ = throttle.begin("acme", &format!("user{n}"), address(n), at(0));
            assert!(throttle.begin("acme", "ann", address(2000), at(0)).is_err(), "forgotten after {n}");
        }

        assert!(throttle.accounts.young.len() + throttle.accounts.old.len() <= 20);
        assert!(throttle.addresses.young.len() + throttle.addresses.old.len() <= 20);
    }

    #[test]
    fn an_address_that_must_wait_cannot_push_others_out_of_memory() {
        let settings = ThrottleSettings { remembered: 40, ..Default::default() };
        let mut throttle = LoginThrottle::new(settings);
        fail(&mut throttle, "ann", address, 0);

        let refused = (0..1000).filter(|n| throttle.begin("acme", &format!("user{n}"), HOME, at(0)).is_err());

        assert_eq!(refused.count(), 969);
        assert!(throttle.begin("acme", "ann", address(2000), at(0)).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stretch_a_wait() {
        let mut throttle = throttle();
        fail(&mut throttle, "ann", address, 1_000_000);

        let Err(Wait(wait)) = throttle.begin("acme", "ann", HOME, at(0)) else { unreachable!("let through") };

        assert!(wait <= TimeDelta::seconds(60));
    }
}
