//! Passwords for the demo's users, to print and to type.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 96 random bits as 16 characters: short enough to be typed.
pub(crate) fn new_password() -> Result<String, String> {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes).map_err(|error| format!("there is no randomness for passwords: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_sixteen_characters_and_is_new_each_time() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());

        assert_eq!((one.len(), other.len()), (16, 16));
        assert_ne!(one, other);
    }
}
