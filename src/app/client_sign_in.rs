//! How `lotline follow` gets its token: as given, or by signing in with a name, as often as necessary.

use std::io::{IsTerminal, stdin};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::admin_commands::read_password;
use super::cli::FollowArgs;
use super::error_line::error_chain;

/// A token and its source.
pub(super) struct SignIn {
    token: String,
    account: Option<Account>,
}

struct Account {
    url: String,
    username: String,
    password: SecretString,
}

impl SignIn {
    /// From the command line; a password is prompted for on a terminal, or read from standard input.
    pub(super) fn from_args(args: &FollowArgs) -> Result<Self, String> {
        let token = args.token.clone().unwrap_or_default();
        let Some(username) = args.username.clone() else { return Ok(Self { token, account: None }) };
        if !args.password_stdin && !stdin().is_terminal() {
            let words = "there is no terminal to ask for the password on; give --password-stdin";
            return Err(words.to_owned());
        }
        let password = read_password(&username)?;
        let url = format!("{}/api/v1/auth/token", args.url.trim_end_matches('/'));
        Ok(Self { token, account: Some(Account { url, username, password }) })
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Whether another token can be requested.
    pub(super) fn can_renew(&self) -> bool {
        self.account.is_some()
    }

    /// Signs in, if there is a name.
    pub(super) async fn sign_in(&mut self, client: &reqwest::Client) -> Result<(), String> {
        let Some(account) = &self.account else { return Ok(()) };
        let form = Serializer::new(String::new())
            .append_pair("username", &account.username)
            .append_pair("password", account.password.expose_secret())
            .finish();
        let request = client.post(&account.url).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.map_err(|error| {
            format!("cannot reach {}: {}", account.url, error_chain(&error.without_url()))
        })?;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        match body["access_token"].as_str() {
            Some(token) if status.is_success() => token.clone_into(&mut self.token),
            _ => {
                let detail = body["detail"].as_str().unwrap_or("no reason is given");
                return Err(format!("cannot sign in as {}: {detail}", account.username));
            }
        }
        Ok(())
    }
}
