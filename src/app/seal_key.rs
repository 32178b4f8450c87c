//! The key that encrypts the headers of spiders: from the configuration, else from a file beside the signing keys,
//! readable by the owner only. The file is written when a spider first gets headers, not at the start.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;

use super::file_modes::write_privately;
use super::start_error::StartError;
use crate::auth::seal::{SECRET_BYTES, Seal};
use crate::base::entropy::Entropy;
use crate::config::Settings;

/// The file in the folder of keys: one line of base64url. It has no extension of a signing key.
const FILE: &str = "seal.secret";

/// The node's seal. With `auth.seal_key` it still opens what the key of the file has sealed before. Nothing is
/// written.
pub(super) fn load(settings: &Settings, entropy: Entropy) -> Result<Seal, StartError> {
    let path = settings.keys_dir().join(FILE);
    let stored = read(&path)?;
    Ok(match (&settings.auth.seal_key, stored) {
        (Some(configured), Some(stored)) => {
            Seal::of_secret(configured.expose_secret().as_bytes(), entropy).opening_older(&stored)
        }
        (Some(configured), None) => Seal::of_secret(configured.expose_secret().as_bytes(), entropy),
        (None, Some(stored)) => Seal::of_secret(&stored, entropy),
        (None, None) => Seal::made_on_first_use(move || create(&path, entropy), entropy),
    })
}

/// The secret in the file; `None` where there is no file.
fn read(path: &Path) -> Result<Option<[u8; SECRET_BYTES]>, StartError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // The folder that a file is in the place of is another fault, which is named by itself.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
        Err(cause) => return Err(StartError::Folder { path: path.to_owned(), cause }),
    };
    parse(&text).map(Some).ok_or_else(|| {
        StartError::SealKey(format!(
            "{} is not a key file of ours; put back the one from your copy, or remove it and give the headers of \
             every spider again",
            path.display()
        ))
    })
}

fn parse(text: &str) -> Option<[u8; SECRET_BYTES]> {
    URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok()
}

/// Generates a secret and stores it, unless another process has stored one meanwhile.
fn create(path: &Path, entropy: Entropy) -> io::Result<[u8; SECRET_BYTES]> {
    if let Some(stored) = fs::read_to_string(path).ok().as_deref().and_then(parse) {
        return Ok(stored);
    }
    let secret = entropy.bytes();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write_privately(path, &format!("{}\n", URL_SAFE_NO_PAD.encode(secret)))?;
    tracing::info!(path = %path.display(), "a key for the headers of spiders was made; copy it to a safe place");
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::TenantId;

    const ACME: TenantId = TenantId(1);
    const SECRET: &str = "a secret of more than thirty-two bytes";

    fn settings(data: &Path, seal_key: &str) -> Settings {
        let variables = [
            ("LOTLINE__SERVER__DATA_DIR".to_owned(), data.display().to_string()),
            ("LOTLINE__AUTH__SEAL_KEY".to_owned(), seal_key.to_owned()),
        ];
        Settings::load(None, variables.into_iter()).unwrap()
    }

    #[test]
    fn the_key_is_stored_with_the_first_text_and_found_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = load(&settings(&data, ""), Entropy).unwrap();
        assert!(!data.exists());

        let sealed = first.seal(ACME, "portal", b"text").unwrap();

        let path = data.join("keys").join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let next = load(&settings(&data, ""), Entropy).unwrap();
        assert_eq!(next.open(ACME, "portal", &sealed).as_deref(), Some(&b"text"[..]));
        fs::remove_file(&path).unwrap();
        assert!(!load(&settings(&data, ""), Entropy).unwrap().has_key_of(&sealed));
    }

    #[test]
    fn a_configured_key_seals_and_that_of_the_file_still_opens() {
        let folder = tempfile::tempdir().unwrap();
        let before = load(&settings(folder.path(), ""), Entropy).unwrap().seal(ACME, "a", b"x").unwrap();

        let seal = load(&settings(folder.path(), SECRET), Entropy).unwrap();
        let after = seal.seal(ACME, "a", b"x").unwrap();

        assert!(seal.has_key_of(&before) && seal.has_key_of(&after));
        let elsewhere = load(&settings(Path::new("/nowhere"), SECRET), Entropy).unwrap();
        assert!(elsewhere.has_key_of(&after) && !elsewhere.has_key_of(&before));
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join("keys").join(FILE), "short").unwrap();

        let refused = load(&settings(folder.path(), ""), Entropy).err().unwrap().to_string();

        assert!(refused.contains(FILE) && refused.contains("give the headers"), "{refused}");
    }
}
