//! Opaque secrets: refresh tokens, API keys and password links. The text is shown once; the store keeps its hash.
//! Each kind has a prefix, so that a misplaced secret is recognised and a leaked one can be searched for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::base::entropy::Entropy;
use crate::base::ids::KeyId;

/// Characters of 256 random bits in base64url.
const RANDOM_CHARS: usize = 43;
const KEY_PREFIX: &str = "llk_";
/// Tickets are signed and not looked up; the prefix distinguishes them from all other secrets.
pub(in crate::auth) const TICKET_PREFIX: &str = "llt_";

/// A secret that is looked up by its hash. API keys are not among them: see [`PresentedKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// Continues a sign-in.
    Refresh,
    /// Sets a password once.
    PasswordLink,
}

impl SecretKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "llr_",
            Self::PasswordLink => "lls_",
        }
    }

    /// A new secret of this kind.
    pub fn mint(self, entropy: Entropy) -> MintedSecret {
        MintedSecret::of(format!("{}{}", self.prefix(), entropy.token()))
    }

    /// The secret with these bytes, for one that must be made again: they must be as good as random.
    pub fn from_bytes(self, bytes: [u8; 32]) -> MintedSecret {
        MintedSecret::of(format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The hash to look `text` up by; `None` when it cannot be a secret of this kind.
    pub fn parse(self, text: &str) -> Option<SecretHash> {
        let random = text.strip_prefix(self.prefix())?;
        is_random(random).then(|| SecretHash::of(text))
    }
}

/// A secret that was just made: the text for its owner, the hash for the store.
#[derive(Debug)]
pub struct MintedSecret {
    pub text: SecretText,
    pub hash: SecretHash,
}

impl MintedSecret {
    fn of(text: String) -> Self {
        Self { hash: SecretHash::of(&text), text: SecretText::new(text) }
    }
}

/// A new API key for `key_id`: `llk_`, the id, `_`, 43 random characters.
pub fn mint_api_key(key_id: KeyId, entropy: Entropy) -> MintedSecret {
    MintedSecret::of(format!("{KEY_PREFIX}{}_{}", key_id.0.simple(), entropy.token()))
}

/// A presented API key. The row is found by the id in it, and only then are the hashes compared: no index is ever
/// searched by a value that an attacker chooses.
#[derive(Clone, Debug)]
pub struct PresentedKey {
    key_id: KeyId,
    hash: SecretHash,
}

impl PresentedKey {
    /// Reads a key; `None` when `text` does not have the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, random) = text.strip_prefix(KEY_PREFIX)?.split_at_checked(32)?;
        let uuid = Uuid::try_parse(id).ok()?;
        // One key has one spelling: upper case is refused.
        let same = uuid.simple().to_string() == id;
        let valid = same && is_random(random.strip_prefix('_')?);
        valid.then(|| Self { key_id: KeyId(uuid), hash: SecretHash::of(text) })
    }

    /// The row to look for.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Whether the stored hash is this key's; constant time.
    pub fn matches(&self, stored: &SecretHash) -> bool {
        self.hash == *stored
    }
}

/// The kind of a credential by its form, which decides how it is checked. The form proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    ApiKey,
    Ticket,
    Opaque(SecretKind),
    /// Anything else; only a token can be meant.
    Token,
}

impl CredentialKind {
    /// The kind of `text`, by its prefix.
    pub fn of(text: &str) -> Self {
        if text.starts_with(KEY_PREFIX) {
            return Self::ApiKey;
        }
        if text.starts_with(TICKET_PREFIX) {
            return Self::Ticket;
        }
        let kinds = [SecretKind::Refresh, SecretKind::PasswordLink];
        let kind = kinds.into_iter().find(|kind| text.starts_with(kind.prefix()));
        kind.map_or(Self::Token, Self::Opaque)
    }
}

/// Secret text on its way to its owner. Readable only through [`SecretText::expose`]; wiped when dropped.
#[derive(Clone)]
pub struct SecretText(SecretString);

impl SecretText {
    pub(in crate::auth) fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself, for the one response that contains it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// SHA-256 of a secret's whole text. A plain hash is enough: 256 random bits cannot be guessed, however fast.
/// Since the prefix is hashed too, a hash of one kind never matches a secret of another.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads a stored hash; `None` when its length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Takes the same time whether equal or not, and wherever the difference is.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

fn is_random(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == RANDOM_CHARS && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [SecretKind; 2] = [SecretKind::Refresh, SecretKind::PasswordLink];

    #[test]
    fn a_secret_is_found_again_by_its_own_kind_only() {
        for kind in KINDS {
            let minted = kind.mint(Entropy);

            for other in KINDS {
                let found = other.parse(minted.text.expose());
                assert_eq!(found, (other == kind).then_some(minted.hash));
            }
            assert!(PresentedKey::parse(minted.text.expose()).is_none());
        }
    }

    #[test]
    fn a_key_carries_its_id_and_matches_its_own_hash_only() {
        let id = KeyId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00aa));
        let (mine, other) = (mint_api_key(id, Entropy), mint_api_key(id, Entropy));

        let shown = PresentedKey::parse(mine.text.expose()).unwrap();

        assert_eq!(mine.text.expose().len(), 4 + 32 + 1 + 43);
        assert_eq!(shown.key_id(), id);
        assert!(shown.matches(&mine.hash));
        assert!(!shown.matches(&other.hash));
    }

    #[test]
    fn a_stored_hash_survives_the_store() {
        let minted = SecretKind::Refresh.mint(Entropy);

        assert_eq!(SecretHash::from_bytes(minted.hash.as_bytes()), Some(minted.hash));
        assert_eq!(SecretHash::from_bytes(&[0; 31]), None);
    }

    #[test]
    fn what_is_not_quite_a_secret_is_refused() {
        let good = SecretKind::Refresh.mint(Entropy).text.expose().to_owned();
        for bad in [&good[..46], &format!("{good}A"), &good.replacen("llr", "LLR", 1), "llr_", "", &good[4..]]
        {
            assert_eq!(SecretKind::Refresh.parse(bad), None, "{bad}");
        }
        assert_eq!(SecretKind::Refresh.parse(&format!("{}é", &good[..45])), None);

        let key = mint_api_key(KeyId(Uuid::from_u128(0xabc << 100)), Entropy).text.expose().to_owned();
        let upper = format!("llk_{}{}", key[4..36].to_uppercase(), &key[36..]);
        let dashed = format!("llk_{}_{}", Uuid::nil(), &key[37..]);
        for bad in [&upper, &dashed, &key[..79], &key.replace('_', "-"), "llk_", "llk_é"] {
            assert!(PresentedKey::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let minted = SecretKind::Refresh.mint(Entropy);

        let shown = format!(
            "{minted:?} {:?}",
            PresentedKey::parse(mint_api_key(KeyId(Uuid::nil()), Entropy).text.expose())
        );

        assert!(!shown.contains("llr_") && !shown.contains(&minted.text.expose()[4..]), "{shown}");
        assert!(shown.contains("[secret]") && shown.contains("[hash]"), "{shown}");
    }

    #[test]
    fn a_credential_is_classified_by_its_prefix() {
        assert_eq!(CredentialKind::of("llk_x"), CredentialKind::ApiKey);
        assert_eq!(CredentialKind::of("llt_x"), CredentialKind::Ticket);
        assert_eq!(CredentialKind::of("llr_x"), CredentialKind::Opaque(SecretKind::Refresh));
        assert_eq!(CredentialKind::of("eyJ.e30.x"), CredentialKind::Token);
    }
}
