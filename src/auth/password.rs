//! Passwords: the rules for choosing one, and argon2id hashes of them. Hashing costs 20 MiB and tens of milliseconds
//! by design, so it runs on blocking threads, as many at once as there are cores; tenants are served in rotation, and
//! callers beyond the capacity are refused.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use unicode_normalization::UnicodeNormalization;

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::fair_semaphore::{FairPermit, FairSemaphore};
use crate::base::ids::TenantId;
use crate::base::text::has_length;

const MIN_CHARS: usize = 8;
const MAX_CHARS: usize = 200;
/// The longest spelling of 200 characters is below this; a longer text is not even normalised.
const MAX_BYTES: usize = 4096;

/// A password in its normal form (NFKC, as NIST SP 800-63B requires): the same keys pressed on another system give
/// the same password. Never printed; wiped when dropped.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Why a new password is refused. There are no rules of composition: they make passwords worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    #[error("a password has 8 to 200 characters")]
    Length,
    #[error("a password must not be the user name")]
    Username,
    #[error("a password must not contain NUL")]
    Nul,
}

impl Password {
    /// A new password for `username`, checked against the rules.
    pub fn choose(text: &str, username: &str) -> Result<Self, InvalidPassword> {
        if text.contains('\0') {
            return Err(InvalidPassword::Nul);
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidPassword::Length);
        }
        let normal = normalise(text);
        if !has_length(&normal, MIN_CHARS, MAX_CHARS) {
            return Err(InvalidPassword::Length);
        }
        if normal.to_lowercase() == normalise(username).to_lowercase() {
            return Err(InvalidPassword::Username);
        }
        Ok(Self(normal.into()))
    }

    /// A password that was typed to sign in. A text that could never have been chosen becomes the empty password,
    /// which matches nothing and takes as long to check.
    pub fn typed(text: &str) -> Self {
        let normal = if text.len() > MAX_BYTES { String::new() } else { normalise(text) };
        Self(normal.into())
    }
}

fn normalise(text: &str) -> String {
    text.nfkc().collect()
}

/// The cost of one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Default for Cost {
    /// The OWASP recommendation for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// The limits of concurrent hashing and of waiting for it.
#[derive(Clone, Copy, Debug)]
pub struct PasswordSettings {
    pub cost: Cost,
    /// Hashes at the same time.
    pub concurrency: usize,
    /// Callers of one party that may wait in addition, and eight times as many of all parties; further ones get
    /// `Busy`.
    pub max_waiting: usize,
    /// The longest wait of a caller.
    pub max_wait: Duration,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self { cost: Cost::default(), concurrency: cores, max_waiting: 64, max_wait: Duration::from_secs(5) }
    }
}

/// The number of parties with full queues that the total capacity allows for.
const MAX_FULL_PARTIES: usize = 8;

/// The party that a password's hashing counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashingParty {
    Tenant(TenantId),
    /// Operators, and users of the command line.
    Platform,
    /// All names that belong to no tenant.
    NoTenant,
}

/// Why a password could not be hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    #[error("the stored hash is not one that argon2 can read")]
    BadHash,
    #[error("the cost is out of argon2's range, or there is no memory for it")]
    Cost,
    #[error("the hashing thread ended early")]
    Ended,
}

/// The result of comparing a typed password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    Correct,
    /// Right, but hashed at another cost than the current one: hash it again while the password is available.
    CorrectNeedsRehash,
    Wrong,
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// A hash that nothing matches, at the current cost: unknown names are compared with it.
    dummy: Arc<str>,
    /// Bounded: callers that hash or wait; when it is full the next one gets `Busy` at once.
    capacity: Arc<Semaphore>,
    /// Bounded: callers that hash; the others wait up to `max_wait`, each in the queue of its party.
    semaphore: FairSemaphore<HashingParty>,
    max_wait: Duration,
    clock: Clock,
    entropy: Entropy,
    tracker: TaskTracker,
}

impl Passwords {
    /// A hasher; `tracker` awaits its blocking work. Makes one hash itself, so call it at the start.
    pub fn new(
        settings: PasswordSettings,
        clock: Clock,
        entropy: Entropy,
        tracker: TaskTracker,
    ) -> Result<Self, PasswordError> {
        let Cost { memory_kib, passes, lanes } = settings.cost;
        let params = Params::new(memory_kib, passes, lanes, None).map_err(|_| PasswordError::Cost)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let at_once = settings.concurrency.max(1);
        Ok(Self {
            dummy: hash(&argon2, entropy.token().as_bytes(), entropy)?.into(),
            argon2,
            capacity: Arc::new(Semaphore::new(at_once + settings.max_waiting * MAX_FULL_PARTIES)),
            semaphore: FairSemaphore::new(at_once, settings.max_waiting),
            max_wait: settings.max_wait,
            clock,
            entropy,
            tracker,
        })
    }

    /// The hash to store, as a PHC string.
    pub async fn hash(&self, party: HashingParty, password: &Password) -> Result<String, PasswordError> {
        let (argon2, entropy, password) = (self.argon2.clone(), self.entropy, password.clone());
        self.run(party, move || hash(&argon2, password.0.expose_secret().as_bytes(), entropy)).await
    }

    /// Compares `password` with the stored hash. For a user that is unknown or has no password the same work is done,
    /// so that the time taken reveals nothing.
    pub async fn verify_or_dummy(
        &self,
        party: HashingParty,
        stored: Option<&str>,
        password: &Password,
    ) -> Result<PasswordCheck, PasswordError> {
        let phc = stored.unwrap_or(&self.dummy).to_owned();
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let verdict =
            self.run(party, move || compare(&argon2, &phc, password.0.expose_secret().as_bytes())).await?;
        Ok(if stored.is_some() { verdict } else { PasswordCheck::Wrong })
    }

    async fn run<T: Send + 'static>(
        &self,
        party: HashingParty,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let permit = self.acquire_permit(party).await?;
        let task = self.tracker.spawn_blocking(move || {
            let done = work();
            // The permit is held by the work and not by the caller, which may be cancelled while the thread still
            // runs.
            drop(permit);
            done
        });
        task.await.unwrap_or(Err(PasswordError::Ended))
    }

    async fn acquire_permit(&self, party: HashingParty) -> Result<HashingPermit, PasswordError> {
        let room = Arc::clone(&self.capacity).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        tokio::select! {
            biased;
            turn = self.semaphore.acquire(party) => {
                turn.map(|turn| HashingPermit { _permit: turn, _capacity: room }).map_err(|_| PasswordError::Busy)
            }
            () = self.clock.sleep(self.max_wait) => Err(PasswordError::Busy),
        }
    }
}

/// Permission to hash one password; released when dropped.
struct HashingPermit {
    _permit: FairPermit<HashingParty>,
    _capacity: OwnedSemaphorePermit,
}

fn hash(argon2: &Argon2<'_>, password: &[u8], entropy: Entropy) -> Result<String, PasswordError> {
    let salt = entropy.bytes::<16>();
    let hash: PasswordHash =
        argon2.hash_password_with_salt(password, &salt).map_err(|_| PasswordError::Cost)?;
    Ok(hash.to_string())
}

fn compare(argon2: &Argon2<'_>, phc: &str, password: &[u8]) -> Result<PasswordCheck, PasswordError> {
    let stored = PasswordHash::new(phc).map_err(|_| PasswordError::BadHash)?;
    // Without salt and output there is nothing to compare with; argon2 would report a wrong password.
    if stored.salt.is_none() || stored.hash.is_none() {
        return Err(PasswordError::BadHash);
    }
    let params = Params::try_from(&stored).map_err(|_| PasswordError::BadHash)?;
    match argon2.verify_password(password, &stored) {
        Ok(()) if is_current(argon2, &stored, &params) => Ok(PasswordCheck::Correct),
        Ok(()) => Ok(PasswordCheck::CorrectNeedsRehash),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(PasswordCheck::Wrong),
        Err(argon2::password_hash::Error::OutOfMemory) => Err(PasswordError::Cost),
        Err(_) => Err(PasswordError::BadHash),
    }
}

fn is_current(argon2: &Argon2<'_>, stored: &PasswordHash, params: &Params) -> bool {
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    stored.algorithm == ARGON2ID_IDENT
        && stored.version == Some(Version::V0x13.into())
        && cost(params) == cost(argon2.params())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTY: HashingParty = HashingParty::Tenant(TenantId(1));
    const OTHER: HashingParty = HashingParty::Tenant(TenantId(2));

    /// The minimum that argon2 accepts: the tests are about the rules, not about the cost.
    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

    fn passwords(settings: PasswordSettings, clock: &Clock) -> Passwords {
        Passwords::new(settings, clock.clone(), Entropy, TaskTracker::new()).unwrap()
    }

    fn cheap() -> Passwords {
        passwords(PasswordSettings { cost: CHEAP, ..Default::default() }, &Clock::system())
    }

    fn clock() -> Clock {
        Clock::manual(chrono::DateTime::UNIX_EPOCH)
    }

    fn typed(text: &str) -> Password {
        Password::typed(text)
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = cheap();

        let phc = passwords.hash(PARTY, &Password::choose("correct horse", "ann").unwrap()).await.unwrap();

        assert!(phc.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{phc}");
        assert_eq!(
            passwords.verify_or_dummy(PARTY, Some(&phc), &typed("correct horse")).await,
            Ok(PasswordCheck::Correct)
        );
        assert_eq!(
            passwords.verify_or_dummy(PARTY, Some(&phc), &typed("Correct horse")).await,
            Ok(PasswordCheck::Wrong)
        );
        assert_eq!(
            passwords.verify_or_dummy(PARTY, Some(&phc), &typed(&"x".repeat(5000))).await,
            Ok(PasswordCheck::Wrong)
        );
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let passwords = cheap();
        let password = Password::choose("correct horse", "ann").unwrap();

        assert_ne!(passwords.hash(PARTY, &password).await, passwords.hash(PARTY, &password).await);
    }

    #[tokio::test]
    async fn an_unknown_user_is_compared_at_the_same_cost_and_never_matches() {
        let passwords = cheap();

        let dummy = PasswordHash::new(&passwords.dummy).unwrap();

        assert!(is_current(&passwords.argon2, &dummy, &Params::try_from(&dummy).unwrap()));
        for text in ["", "correct horse"] {
            assert_eq!(passwords.verify_or_dummy(PARTY, None, &typed(text)).await, Ok(PasswordCheck::Wrong));
        }
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_accepted_and_needs_a_rehash() {
        let phc = cheap().hash(PARTY, &Password::choose("correct horse", "ann").unwrap()).await.unwrap();
        let dearer = PasswordSettings { cost: Cost { passes: 2, ..CHEAP }, ..Default::default() };

        let verdict = passwords(dearer, &Clock::system())
            .verify_or_dummy(PARTY, Some(&phc), &typed("correct horse"))
            .await;

        assert_eq!(verdict, Ok(PasswordCheck::CorrectNeedsRehash));
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_an_error_and_not_a_wrong_password() {
        let passwords = cheap();
        for phc in ["", "plain", "$argon2id$v=19$m=8,t=1,p=1", "$bcrypt$v=1$x=1$c2FsdHNhbHQ$aGFzaGhhc2g"] {
            let verdict = passwords.verify_or_dummy(PARTY, Some(phc), &typed("correct horse")).await;
            assert_eq!(verdict, Err(PasswordError::BadHash), "{phc}");
        }
    }

    #[tokio::test]
    async fn callers_beyond_the_capacity_are_refused_at_once() {
        let clock = clock();
        let settings = PasswordSettings { cost: CHEAP, concurrency: 1, max_waiting: 0, ..Default::default() };
        let passwords = passwords(settings, &clock);

        let permit = passwords.acquire_permit(PARTY).await.unwrap();

        assert_eq!(passwords.hash(PARTY, &typed("x")).await, Err(PasswordError::Busy));
        drop(permit);
        assert!(passwords.hash(PARTY, &typed("x")).await.is_ok());
    }

    fn is_waiting(one: &mut (impl Future + Unpin)) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::Pin::new(one).poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn one_tenant_does_not_exhaust_the_capacity_nor_delay_another() {
        let clock = clock();
        let settings = PasswordSettings { cost: CHEAP, concurrency: 1, max_waiting: 4, ..Default::default() };
        let passwords = passwords(settings, &clock);
        let held = passwords.acquire_permit(PARTY).await.unwrap();
        let password = typed("x");
        let mut flood = Vec::new();
        for _ in 0..50 {
            let mut one = Box::pin(passwords.acquire_permit(PARTY));
            if is_waiting(&mut one) {
                flood.push(one);
            }
        }
        let mut other = Box::pin(passwords.acquire_permit(OTHER));
        assert!(is_waiting(&mut other), "it waits and is not refused");

        drop(held);
        let first = flood[0].as_mut().await.unwrap();
        drop(first);

        assert_eq!(flood.len(), 4);
        assert!(other.await.is_ok(), "second after a flood of the other");
        drop(flood);
        assert!(passwords.hash(OTHER, &password).await.is_ok());
    }

    #[tokio::test]
    async fn waiting_for_a_permit_times_out() {
        let clock = clock();
        let settings = PasswordSettings {
            cost: CHEAP,
            concurrency: 1,
            max_waiting: 1,
            max_wait: Duration::from_secs(5),
        };
        let passwords = passwords(settings, &clock);
        let _seat = passwords.acquire_permit(PARTY).await.unwrap();

        let password = typed("x");
        let (waited, ()) = tokio::join!(biased; passwords.hash(PARTY, &password), async {
            clock.advance(Duration::from_secs(5));
        });

        assert_eq!(waited, Err(PasswordError::Busy));
    }

    #[test]
    fn an_impossible_cost_is_refused() {
        let settings = PasswordSettings { cost: Cost { memory_kib: 1, ..CHEAP }, ..Default::default() };

        let made = Passwords::new(settings, clock(), Entropy, TaskTracker::new());

        assert_eq!(made.map(|_| ()).unwrap_err(), PasswordError::Cost);
    }

    #[test]
    fn length_is_all_that_is_asked_of_a_password() {
        for good in ["12345678", "        ", "pässwörd", &"🔑".repeat(200)] {
            assert!(Password::choose(good, "ann").is_ok(), "{good}");
        }
        for bad in ["", "1234567", "🔑🔑🔑", &"x".repeat(201), &"x".repeat(5000)] {
            assert_eq!(Password::choose(bad, "ann").map(|_| ()), Err(InvalidPassword::Length), "{bad}");
        }
        assert_eq!(Password::choose("1234\u{0}5678", "ann").map(|_| ()), Err(InvalidPassword::Nul));
    }

    #[test]
    fn a_password_is_not_the_user_name_in_any_case_or_width() {
        for text in ["annabelle", "ANNABELLE", "ａｎｎａｂｅｌｌｅ"] {
            assert_eq!(
                Password::choose(text, "Annabelle").map(|_| ()),
                Err(InvalidPassword::Username),
                "{text}"
            );
        }
    }

    #[test]
    fn two_spellings_of_one_character_are_one_password() {
        let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");

        let chosen = Password::choose(composed, "ann").unwrap();

        assert_eq!(chosen.0.expose_secret(), Password::typed(decomposed).0.expose_secret());
    }

    #[test]
    fn a_password_is_not_printed() {
        assert!(!format!("{:?}", typed("correct horse")).contains("horse"));
    }
}
