//! Slows the guessing of passwords. Failures are counted for each account at each client address, and for each
//! address: there every failure past a free allowance doubles the wait, and an attempt within it is refused. Failures
//! of an account over all addresses only delay: an attempt from another address waits a little, and an address
//! without failures of its own, but for a mistake or two, is never refused, so that an attacker cannot lock an
//! account. Names that do not exist are counted like those that do.
//!
//! Durations are measured between the times that callers pass in, which must come from a steady clock.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::failures::{AccountPacer, FailureCounter};
pub use super::failures::{Allowance, PacingSettings, Wait};
use super::fair_lru::FairLruCache;
use crate::base::ip_prefix::IpPrefix;

/// How logins are throttled.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleSettings {
    /// For one account at one address.
    pub account: Allowance,
    /// Larger: one address may be a whole office.
    pub address: Allowance,
    pub pacing: PacingSettings,
    /// The most counters of each kind that are kept.
    pub max_entries: usize,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let account = Allowance {
            free_failures: 5,
            first_wait: TimeDelta::seconds(1),
            max_wait: TimeDelta::seconds(60),
            forget_one_after: TimeDelta::minutes(3),
        };
        let address = Allowance {
            free_failures: 30,
            first_wait: TimeDelta::seconds(1),
            max_wait: TimeDelta::minutes(5),
            forget_one_after: TimeDelta::seconds(20),
        };
        let pace = PacingSettings {
            free_failures: 10,
            first_gap: TimeDelta::milliseconds(250),
            max_gap: TimeDelta::seconds(1),
            forget_one_after: TimeDelta::minutes(3),
            tolerated_failures: 2,
            max_delay: TimeDelta::seconds(4),
            max_delayed_per_account: 32,
            max_delayed: 1024,
        };
        Self { account, address, pacing: pace, max_entries: 50_000 }
    }
}

/// Whether the account has signed in from an address before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHistory {
    Known,
    New,
}

type Table<V> = FairLruCache<Key, IpPrefix, V>;

/// The failures so far. One per node: a caller guards it with a lock and never holds that across an await.
#[derive(Debug)]
pub struct LoginThrottle {
    settings: ThrottleSettings,
    /// For an account at an address.
    pairs: Table<FailureCounter>,
    addresses: Table<FailureCounter>,
    /// For an account over all addresses.
    accounts: Table<AccountPacer>,
    /// Attempts that are being delayed.
    delayed: u32,
}

/// A login attempt that was allowed. It counts as failed from the start, so that a thousand concurrent guesses are a
/// thousand failures; give it back through [`LoginThrottle::record_success`] or [`LoginThrottle::cancel`].
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    account: Key,
    pair: Key,
    address: Key,
    /// How long the attempt must wait before the password is compared; afterwards, and also when the caller is
    /// cancelled, call [`LoginThrottle::finish_delay`].
    pub delay: TimeDelta,
}

impl LoginThrottle {
    /// A throttle without any failures.
    pub fn new(settings: ThrottleSettings) -> Self {
        let most = settings.max_entries;
        Self {
            settings,
            pairs: Table::new(most),
            addresses: Table::new(most),
            accounts: Table::new(most),
            delayed: 0,
        }
    }

    /// Allows a login, at once or after a delay, or returns how long to wait. `tenant` and `username` are taken as
    /// typed.
    pub fn begin(
        &mut self,
        tenant: &str,
        username: &str,
        client: IpAddr,
        acquaintance: ClientHistory,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Wait> {
        let block = IpPrefix::of(client);
        let (account, address) = (account_key(tenant, username), address_key(block));
        let (pair, network) = (pair_key(account, address), block.network());
        // The address first: while it must wait it touches no other table, or it could fill them with names.
        self.addresses.entry(address, network).check_wait(&self.settings.address, now)?;
        let own = self.pairs.entry(pair, network);
        own.check_wait(&self.settings.account, now)?;
        let has_failed = own.failures_in_window(now) > self.settings.pacing.tolerated_failures;
        let delay = match acquaintance {
            ClientHistory::Known => TimeDelta::zero(),
            ClientHistory::New => self.delay(account, network, has_failed, now)?,
        };
        self.accounts.entry(account, network).record_failure(&self.settings.pacing, now);
        self.pairs.entry(pair, network).record_failure(&self.settings.account, now);
        self.addresses.entry(address, network).record_failure(&self.settings.address, now);
        Ok(Attempt { account, pair, address, delay })
    }

    /// Counts another operation that costs as much as a login, such as a registration, for the address alone.
    pub fn count_address(&mut self, client: IpAddr, now: DateTime<Utc>) -> Result<(), Wait> {
        let block = IpPrefix::of(client);
        let counter = self.addresses.entry(address_key(block), block.network());
        counter.check_wait(&self.settings.address, now)?;
        counter.record_failure(&self.settings.address, now);
        Ok(())
    }

    /// The delay of an attempt is over.
    pub fn finish_delay(&mut self, attempt: &Attempt) {
        if attempt.delay > TimeDelta::zero() {
            self.delayed = self.delayed.saturating_sub(1);
            if let Some(spread) = self.accounts.get_mut(&attempt.account) {
                spread.delayed = spread.delayed.saturating_sub(1);
            }
        }
    }

    /// The password was right: the account's count at this address is reset. The address only takes its own attempt
    /// back, or a guesser could reset its count with an account of their own; so does the account over all addresses,
    /// or each sign-in of its holder would allow attackers more guesses.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt has one outcome")]
    pub fn record_success(&mut self, attempt: Attempt) {
        if let Some(own) = self.pairs.get_mut(&attempt.pair) {
            *own = FailureCounter::default();
        }
        self.undo_failure(&attempt);
    }

    /// The password was never compared (the server was busy, say): nothing was revealed, so nothing is counted.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt has one outcome")]
    pub fn cancel(&mut self, attempt: Attempt) {
        if let Some(own) = self.pairs.get_mut(&attempt.pair) {
            own.undo_failure();
        }
        self.undo_failure(&attempt);
    }

    fn undo_failure(&mut self, attempt: &Attempt) {
        if let Some(address) = self.addresses.get_mut(&attempt.address) {
            address.undo_failure();
        }
        if let Some(spread) = self.accounts.get_mut(&attempt.account) {
            spread.undo_failure();
        }
    }

    /// The delay of an attempt from an address that is new to the account, so that all of them together keep a pace.
    /// Beyond what may be delayed, an address with too many failures of its own is refused, and another passes.
    fn delay(
        &mut self,
        account: Key,
        network: IpPrefix,
        has_failed: bool,
        now: DateTime<Utc>,
    ) -> Result<TimeDelta, Wait> {
        let pace = self.settings.pacing;
        let spread = self.accounts.entry(account, network);
        let delay = spread.time_until_slot(&pace, now);
        if delay <= TimeDelta::zero() {
            spread.reserve_slot(&pace, now);
            return Ok(TimeDelta::zero());
        }
        let is_full = spread.delayed >= pace.max_delayed_per_account || self.delayed >= pace.max_delayed;
        match (has_failed, is_full, delay > pace.max_delay) {
            (true, true, _) | (true, _, true) => Err(Wait((delay - pace.max_delay).max(pace.max_gap))),
            (false, true, _) => Ok(TimeDelta::zero()),
            (_, false, over) => {
                // An attempt that is allowed although the delay is at its maximum does not extend it.
                if !over {
                    spread.reserve_slot(&pace, now);
                }
                spread.delayed += 1;
                self.delayed += 1;
                Ok(delay.min(pace.max_delay))
            }
        }
    }
}

/// Names and addresses are kept as short hashes: of constant size, and without a list of names in memory.
type Key = [u8; 16];

fn account_key(tenant: &str, username: &str) -> Key {
    // Folded, so that case does not evade the count. The lengths keep `a` + `bc` and `ab` + `c` apart.
    let (tenant, username) = (tenant.to_lowercase(), username.to_lowercase());
    let hash = Sha256::new()
        .chain_update(tenant.len().to_le_bytes())
        .chain_update(tenant)
        .chain_update(username)
        .finalize();
    short(&hash)
}

fn address_key(block: IpPrefix) -> Key {
    short(&Sha256::digest(block.octets()))
}

fn pair_key(account: Key, address: Key) -> Key {
    short(&Sha256::new().chain_update(account).chain_update(address).finalize())
}

fn short(hash: &[u8]) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&hash[..16]);
    key
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::ClientHistory::{Known, New};
    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn at(seconds: i64) -> DateTime<Utc> {
        at_ms(seconds * 1000)
    }

    fn at_ms(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_790_000_000_000 + ms).unwrap()
    }

    fn throttle() -> LoginThrottle {
        LoginThrottle::new(ThrottleSettings::default())
    }

    /// The `n`th of many addresses, each in its own network.
    fn address(n: u16) -> IpAddr {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, n, 0, 0, 0, 0, 1))
    }

    /// Fails to log in from home until refused; the number of failures and the wait.
    fn fail(throttle: &mut LoginThrottle, name: &str, now: i64) -> (u16, i64) {
        for n in 0..2000 {
            if let Err(Wait(wait)) = throttle.begin("acme", name, HOME, New, at(now)) {
                return (n, wait.num_seconds());
            }
        }
        (2000, 0)
    }

    #[test]
    fn an_accounts_failures_at_an_address_cost_nothing_and_then_more_and_more() {
        let mut throttle = throttle();

        assert_eq!(fail(&mut throttle, "ann", 0), (6, 1));
        assert_eq!(fail(&mut throttle, "ann", 1), (1, 2));
        assert_eq!(fail(&mut throttle, "ann", 3), (1, 4));
        assert_eq!(fail(&mut throttle, "ann", 7), (1, 8));
    }

    #[test]
    fn a_wait_has_a_maximum() {
        let mut throttle = throttle();
        let (mut now, mut longest) = (0, 0);
        for _ in 0..100 {
            let (_, wait) = fail(&mut throttle, "ann", now);
            now += wait;
            longest = longest.max(wait);
        }

        assert_eq!(longest, 60);
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let mut throttle = throttle();
        fail(&mut throttle, "ann", 0);

        // Three of the six are drained after nine minutes.
        assert_eq!(fail(&mut throttle, "ann", 9 * 60), (3, 1));
        assert_eq!(fail(&mut throttle, "ann", 24 * 3600), (6, 1));
    }

    #[test]
    fn one_address_may_not_go_through_many_accounts() {
        let mut throttle = throttle();
        let mut passed = 0;
        while throttle.begin("acme", &format!("user{passed}"), HOME, New, at(0)).is_ok() {
            passed += 1;
        }

        assert_eq!(passed, 31);
        assert!(throttle.begin("acme", "ann", address(1), New, at(0)).is_ok());
        assert!(throttle.count_address(HOME, at(0)).is_err());
    }

    #[test]
    fn addresses_of_one_subscriber_are_one() {
        let key = |text: &str| address_key(IpPrefix::of(text.parse().unwrap()));
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::2"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    }

    #[test]
    fn case_does_not_evade_the_count_and_tenants_are_separate() {
        let mut throttle = throttle();
        fail(&mut throttle, "ann", 0);

        assert!(throttle.begin("ACME", "Ann", HOME, New, at(0)).is_err());
        assert!(throttle.begin("beta", "ann", HOME, New, at(0)).is_ok());
        assert_ne!(account_key("a", "bc"), account_key("ab", "c"));
    }

    #[test]
    fn a_success_clears_the_account_and_takes_back_the_addresses_attempt() {
        let mut throttle = throttle();
        for _ in 0..500 {
            let attempt = throttle.begin("acme", "ann", HOME, New, at(0)).unwrap();
            assert_eq!(attempt.delay, TimeDelta::zero());
            throttle.record_success(attempt);
        }
        for _ in 0..500 {
            let attempt = throttle.begin("acme", "ann", HOME, New, at(0)).unwrap();
            throttle.cancel(attempt);
        }
    }

    #[test]
    fn a_success_does_not_wipe_what_the_address_did_to_others() {
        let mut throttle = throttle();
        for n in 0..30 {
            assert!(throttle.begin("acme", &format!("user{n}"), HOME, New, at(0)).is_ok());
        }
        let own = throttle.begin("acme", "mallory", HOME, New, at(0)).unwrap();
        throttle.record_success(own);

        assert!(throttle.begin("acme", "user31", HOME, New, at(0)).is_ok());
        assert!(throttle.begin("acme", "user32", HOME, New, at(0)).is_err());
    }

    /// Guesses at ann from `many` addresses as fast as allowed, until `ms`; the number of allowed attempts.
    fn guess_from_addresses(throttle: &mut LoginThrottle, many: u16, until_ms: i64) -> usize {
        let (mut waiting, mut passed): (Vec<(i64, Attempt)>, usize) = (Vec::new(), 0);
        for ms in (0..until_ms).step_by(100) {
            for (_, attempt) in waiting.extract_if(.., |(ends, _)| *ends <= ms) {
                throttle.finish_delay(&attempt);
            }
            for n in 0..many {
                if let Ok(attempt) = throttle.begin("acme", "ann", address(n), New, at_ms(ms)) {
                    passed += 1;
                    if attempt.delay > TimeDelta::zero() {
                        waiting.push((ms + attempt.delay.num_milliseconds(), attempt));
                    }
                }
            }
            assert!(waiting.len() <= 32, "{} are delayed", waiting.len());
        }
        passed
    }

    #[test]
    fn unknown_addresses_cannot_lock_an_account_and_are_paced() {
        for many in [1, 200] {
            let mut throttle = throttle();

            let passed = guess_from_addresses(&mut throttle, many, 240_000);

            let elsewhere = throttle.begin("acme", "ann", HOME, New, at(240)).unwrap();
            assert!(elsewhere.delay <= TimeDelta::seconds(4), "{many}: {}", elsewhere.delay);
            let usual = throttle.begin("acme", "ann", address(60_000), Known, at(240)).unwrap();
            assert_eq!(usual.delay, TimeDelta::zero());
            // Each address three times, plus one a second.
            assert!(passed <= 3 * usize::from(many) + 260, "{many}: {passed}");
        }
    }

    #[test]
    fn an_address_that_has_not_failed_is_never_refused_and_waits_seconds_at_most() {
        let mut throttle = throttle();
        for n in 0..5_000 {
            let attempt = throttle.begin("acme", "ann", address(n), New, at(0)).unwrap();
            assert!(attempt.delay <= TimeDelta::seconds(4));
        }

        assert!(throttle.accounts.entry(account_key("acme", "ann"), IpPrefix::of(HOME)).delayed <= 32);
        let refused = (0..5).filter(|_| throttle.begin("acme", "ann", address(7), New, at(0)).is_err());
        assert_eq!(refused.count(), 3, "it has failed three times");
    }

    #[test]
    fn guesses_made_at_once_are_counted_before_they_are_answered() {
        let mut throttle = throttle();

        let open = (0..10).filter_map(|_| throttle.begin("acme", "ann", HOME, New, at(0)).ok());

        assert_eq!(open.count(), 6);
    }

    #[test]
    fn memory_is_bounded_and_a_flood_evicts_only_its_own_entries() {
        let settings = ThrottleSettings { max_entries: 10, ..Default::default() };
        let mut throttle = LoginThrottle::new(settings);
        fail(&mut throttle, "ann", 0);

        for n in 0..1000 {
            // A whole /48: all of its addresses belong to one client.
            let flood = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, n, 0, 0, 0, 1));
            let _ = throttle.begin("acme", &format!("user{n}"), flood, New, at(0));
            assert!(throttle.begin("acme", "ann", HOME, New, at(0)).is_err(), "forgotten after {n}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stretch_a_wait() {
        let mut throttle = throttle();
        fail(&mut throttle, "ann", 1_000_000);

        let refused = throttle.begin("acme", "ann", HOME, New, at(0));

        assert!(refused.is_err_and(|Wait(wait)| wait <= TimeDelta::seconds(60)));
        let elsewhere = throttle.begin("acme", "ann", address(1), New, at(0)).unwrap();
        assert!(elsewhere.delay <= TimeDelta::seconds(4));
    }
}
