//! Revocation: telling a server that tokens are no longer wanted (RFC 7009).

use crate::{client::Client, refusal};
use jiff::Timestamp;
use postroom_model::{Fault, TokenSet};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What became of tokens that are no longer wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The server has revoked them.
    Revoked,
    /// The server offers no revocation: the tokens stay valid until they end.
    NotOffered,
}

impl Client<'_> {
    /// Revokes a token set: its refresh token, and with it the authorization; then its access token,
    /// which a server may leave valid until it ends.
    ///
    /// # Errors
    /// A [`Fault`], when the server refuses or does not answer; the tokens may be valid still.
    pub async fn revoke(&self, tokens: &TokenSet, now: Timestamp) -> Result<Revocation, Fault> {
        if self.server.revoke_url.is_none() {
            return Ok(Revocation::NotOffered);
        }
        let access = self.revoke_one(&tokens.access_token, "access_token", now);
        let Some(refresh) = &tokens.refresh_token else {
            return access.await;
        };
        let revoked = self.revoke_one(refresh, "refresh_token", now).await?;
        // Many servers have revoked the access token with it and refuse to do so again.
        let _ = access.await;
        Ok(revoked)
    }

    /// Not by the `oauth2` crate, which knows only revocation endpoints with https.
    async fn revoke_one(
        &self,
        token: &SecretString,
        kind: &str,
        now: Timestamp,
    ) -> Result<Revocation, Fault> {
        let Some(url) = &self.server.revoke_url else {
            return Ok(Revocation::NotOffered);
        };
        let form = [("token", token.expose_secret()), ("token_type_hint", kind)];
        let answer = self.post(url, &form, now).await?;
        // A token that is not valid any more is what was asked for (RFC 7009 section 2.2); some
        // servers call it an error all the same.
        if answer.is_success() || says_invalid_token(answer.body()) {
            return Ok(Revocation::Revoked);
        }
        Err(refusal::classify(answer.status, answer.body(), answer.retry_after))
    }
}

fn says_invalid_token(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|said| said["error"] == "invalid_token")
}
