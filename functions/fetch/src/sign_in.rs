//! The way into a mailbox: what it signs in with, and a server that refuses that.

use crate::{Fetch, slice::Slice};
use postroom_mail::{
    Credential, Transcript,
    source::{self, Source},
};
use postroom_model::{Fault, FaultClass, Mailbox};
use secrecy::ExposeSecret;

/// A signed-in session, and what it was signed in with.
pub(crate) struct SignedIn {
    pub(crate) source: Source,
    pub(crate) credential: Credential,
}

impl Fetch {
    /// Signs in. A secret that was refused is read again from the vault: somebody may have put a new
    /// one there.
    pub(crate) async fn sign_in(
        &self,
        mailbox: &Mailbox,
        slice: Slice,
        transcript: Option<&Transcript>,
    ) -> Result<SignedIn, Fault> {
        let now = (self.clock)();
        let until = slice.last_renewal(now);
        let credential = self.credentials.of(mailbox, now, until).await?;
        let refused = match self.sign_in_with(mailbox, &credential, transcript).await {
            Err(fault) if matches!(fault.class, FaultClass::TokenRefused | FaultClass::PasswordRefused) => {
                fault
            }
            other => return other.map(|source| SignedIn { source, credential }),
        };
        self.credentials.forget(mailbox, &credential).await;
        let renewed = self.credentials.of(mailbox, (self.clock)(), until).await?;
        if same(&credential, &renewed) {
            return Err(refused);
        }
        let source = self.sign_in_with(mailbox, &renewed, transcript).await?;
        Ok(SignedIn { source, credential: renewed })
    }

    async fn sign_in_with(
        &self,
        mailbox: &Mailbox,
        credential: &Credential,
        transcript: Option<&Transcript>,
    ) -> Result<Source, Fault> {
        let Mailbox { protocol, server, user, sasl, .. } = mailbox;
        let connection = source::connect_recorded(&self.network, *protocol, server, transcript).await;
        let connection = connection.map_err(|error| error.fault())?;
        connection.sign_in(user, credential, *sasl).await.map_err(|error| error.fault())
    }
}

fn same(one: &Credential, other: &Credential) -> bool {
    match (one, other) {
        (Credential::Password(one), Credential::Password(other))
        | (Credential::AccessToken(one), Credential::AccessToken(other)) => {
            one.expose_secret() == other.expose_secret()
        }
        _ => false,
    }
}
