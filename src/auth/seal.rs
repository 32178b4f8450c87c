//! Encryption of what a tenant entrusts to the server and the server must be able to use: the headers of spiders.
//! AES-256-GCM with a key that HKDF derives from a secret outside of the store (RFC 5869), so that the store, its
//! copies and exports alone reveal nothing.

use std::io;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use crate::base::entropy::Entropy;
use crate::base::ids::TenantId;

/// Bytes of a generated secret.
pub const SECRET_BYTES: usize = 32;

/// Begins every sealed text; another form gets another.
const VERSION: &str = "1";
const ID_BYTES: usize = 8;
const ENCRYPTION: &[u8] = b"lotline seal key";
const IDENTIFICATION: &[u8] = b"lotline seal key id";

/// Seals and opens texts of tenants.
pub struct Seal {
    key: Mutex<Option<Arc<SealKey>>>,
    /// Opens what it has sealed before the present key was set, and seals nothing.
    older: Option<SealKey>,
    make: Box<MakeSecret>,
    entropy: Entropy,
}

type MakeSecret = dyn Fn() -> io::Result<[u8; SECRET_BYTES]> + Send + Sync;

impl Seal {
    /// With the key of a secret of 32 bytes or more.
    pub fn of_secret(secret: &[u8], entropy: Entropy) -> Self {
        let key = Some(Arc::new(SealKey::derive(secret)));
        // Not called while there is a key.
        let make = || -> io::Result<[u8; SECRET_BYTES]> { Err(io::ErrorKind::Unsupported.into()) };
        Self { key: Mutex::new(key), older: None, make: Box::new(make), entropy }
    }

    /// Without a key until the first text is sealed: then `make` generates a secret, stores it and returns it.
    pub fn made_on_first_use(
        make: impl Fn() -> io::Result<[u8; SECRET_BYTES]> + Send + Sync + 'static,
        entropy: Entropy,
    ) -> Self {
        Self { key: Mutex::new(None), older: None, make: Box::new(make), entropy }
    }

    /// With a key that ends with the process.
    pub fn temporary(entropy: Entropy) -> Self {
        Self::of_secret(&entropy.bytes::<SECRET_BYTES>(), entropy)
    }

    /// The same, which also opens what the key of an earlier secret has sealed.
    #[must_use]
    pub fn opening_older(self, secret: &[u8]) -> Self {
        Self { older: Some(SealKey::derive(secret)), ..self }
    }

    /// Encrypts a text for the tenant's thing of this name; only for the same pair is it opened again.
    ///
    /// # Errors
    /// When there is no key yet and none can be stored.
    pub fn seal(&self, tenant: TenantId, name: &str, text: &[u8]) -> io::Result<String> {
        let key = self.key_for_sealing()?;
        key.seal(self.entropy.bytes(), &context(tenant, name), text)
    }

    /// Decrypts it; `None` when the key is another one, or the text was sealed for another pair, or was changed.
    pub fn open(&self, tenant: TenantId, name: &str, sealed: &str) -> Option<Vec<u8>> {
        let (id, bytes) = parse(sealed)?;
        let key = self.key.lock().clone();
        let key = [key.as_deref(), self.older.as_ref()].into_iter().flatten().find(|key| key.id == id)?;
        key.open(&context(tenant, name), bytes)
    }

    /// Whether the sealed text is of a key that is known here. Cheap: nothing is decrypted.
    pub fn has_key_of(&self, sealed: &str) -> bool {
        let Some((id, _)) = parse(sealed) else { return false };
        let is_own = self.key.lock().as_ref().is_some_and(|key| key.id == id);
        is_own || self.older.as_ref().is_some_and(|key| key.id == id)
    }

    fn key_for_sealing(&self) -> io::Result<Arc<SealKey>> {
        // Held while the secret is stored, so that two are never made.
        let mut key = self.key.lock();
        if let Some(key) = key.as_ref() {
            return Ok(Arc::clone(key));
        }
        let new = Arc::new(SealKey::derive(&(self.make)()?));
        *key = Some(Arc::clone(&new));
        Ok(new)
    }
}

/// A key with the id by which its texts are recognised.
struct SealKey {
    id: [u8; ID_BYTES],
    key: LessSafeKey,
}

impl SealKey {
    fn derive(secret: &[u8]) -> Self {
        let derived = Salt::new(HKDF_SHA256, b"lotline").extract(secret);
        Self { id: derive_id(&derived), key: LessSafeKey::new(derive_key(&derived)) }
    }

    fn seal(&self, nonce: [u8; NONCE_LEN], context: &[u8], text: &[u8]) -> io::Result<String> {
        let mut bytes = text.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut bytes)
            .map_err(|_| io::Error::other("the text cannot be encrypted"))?;
        let all = [&self.id[..], &nonce, &bytes].concat();
        Ok(format!("{VERSION}.{}", URL_SAFE_NO_PAD.encode(all)))
    }

    fn open(&self, context: &[u8], bytes: Vec<u8>) -> Option<Vec<u8>> {
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(context), &mut text).ok()?;
        Some(opened.to_vec())
    }
}

#[expect(clippy::expect_used, reason = "HKDF gives up to 255 hashes (RFC 5869 section 2.3)")]
fn derive_key(derived: &Prk) -> UnboundKey {
    derived.expand(&[ENCRYPTION], &AES_256_GCM).expect("a key is shorter than 255 hashes").into()
}

#[expect(clippy::expect_used, reason = "HKDF gives up to 255 hashes (RFC 5869 section 2.3)")]
fn derive_id(derived: &Prk) -> [u8; ID_BYTES] {
    let mut id = [0; ID_BYTES];
    let bytes = derived.expand(&[IDENTIFICATION], IdLength).expect("an id is shorter than 255 hashes");
    bytes.fill(&mut id).expect("the length is that of the id");
    id
}

struct IdLength;

impl KeyType for IdLength {
    fn len(&self) -> usize {
        ID_BYTES
    }
}

/// The id of the key, and the nonce with the encrypted text.
fn parse(sealed: &str) -> Option<([u8; ID_BYTES], Vec<u8>)> {
    let encoded = sealed.strip_prefix(VERSION)?.strip_prefix('.')?;
    let mut id = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let bytes = (id.len() >= ID_BYTES).then(|| id.split_off(ID_BYTES))?;
    Some((id.try_into().ok()?, bytes))
}

/// What the text is bound to. No name has a NUL, so that no two pairs have the same bytes.
fn context(tenant: TenantId, name: &str) -> Vec<u8> {
    format!("spider headers\0{}\0{name}", tenant.0).into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const ACME: TenantId = TenantId(1);
    const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

    #[test]
    fn a_sealed_text_is_opened_for_the_same_tenant_and_name_only() {
        let seal = Seal::of_secret(SECRET, Entropy);

        let sealed = seal.seal(ACME, "portal", b"Cookie: a=b").unwrap();

        assert_eq!(seal.open(ACME, "portal", &sealed).as_deref(), Some(&b"Cookie: a=b"[..]));
        assert_eq!(seal.open(TenantId(2), "portal", &sealed), None);
        assert_eq!(seal.open(ACME, "other", &sealed), None);
        assert!(!sealed.contains("Cookie"));
        assert_ne!(seal.seal(ACME, "portal", b"Cookie: a=b").unwrap(), sealed, "each has a nonce of its own");
        // The same secret is the same key, after a restart, too.
        assert!(Seal::of_secret(SECRET, Entropy).open(ACME, "portal", &sealed).is_some());
    }

    #[test]
    fn what_was_changed_or_sealed_with_another_key_is_not_opened() {
        let seal = Seal::of_secret(SECRET, Entropy);
        let sealed = seal.seal(ACME, "portal", b"text").unwrap();
        let other = Seal::temporary(Entropy);
        let mut changed = sealed.clone().into_bytes();
        let last = changed.len() - 3;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();

        assert!(seal.has_key_of(&sealed) && !other.has_key_of(&sealed));
        assert_eq!(other.open(ACME, "portal", &sealed), None);
        assert_eq!(seal.open(ACME, "portal", &changed), None);
        for bad in ["", "1.", "1", "2.AAAA", "1.AAAA", "1.*", &sealed[2..]] {
            assert_eq!(seal.open(ACME, "portal", bad), None, "{bad}");
            assert!(!seal.has_key_of(bad), "{bad}");
        }
    }

    #[test]
    fn an_older_secret_still_opens_and_seals_nothing() {
        let sealed =
            Seal::of_secret(b"the secret from before, 32 bytes", Entropy).seal(ACME, "a", b"x").unwrap();
        let seal = Seal::of_secret(SECRET, Entropy).opening_older(b"the secret from before, 32 bytes");

        assert!(seal.has_key_of(&sealed));
        assert_eq!(seal.open(ACME, "a", &sealed).as_deref(), Some(&b"x"[..]));
        let new = seal.seal(ACME, "a", b"x").unwrap();
        assert!(Seal::of_secret(SECRET, Entropy).has_key_of(&new));
    }

    #[test]
    fn a_secret_is_made_once_and_only_when_a_text_is_sealed() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let seal = Seal::made_on_first_use(
            || {
                MADE.fetch_add(1, Ordering::SeqCst);
                Ok([7; SECRET_BYTES])
            },
            Entropy,
        );
        let before = Seal::of_secret(&[7; SECRET_BYTES], Entropy).seal(ACME, "a", b"x").unwrap();

        assert_eq!((seal.open(ACME, "a", &before), MADE.load(Ordering::SeqCst)), (None, 0));
        let sealed = seal.seal(ACME, "a", b"x").unwrap();
        seal.seal(ACME, "b", b"y").unwrap();

        assert_eq!(MADE.load(Ordering::SeqCst), 1);
        assert!(seal.open(ACME, "a", &sealed).is_some() && seal.open(ACME, "a", &before).is_some());
    }

    #[test]
    fn a_secret_that_cannot_be_stored_seals_nothing() {
        let seal = Seal::made_on_first_use(|| Err(io::ErrorKind::ReadOnlyFilesystem.into()), Entropy);

        assert_eq!(seal.seal(ACME, "a", b"x").unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
    }
}
