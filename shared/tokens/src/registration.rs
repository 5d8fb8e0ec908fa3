//! What talks to a provider: its settings, its server and its secret, together.

use crate::{Error, Tokens, later};
use jiff::{SignedDuration, Timestamp};
use postroom_model::{ClientAuth, ClientSecret, Provider, ProviderId};
use postroom_oauth::{AuthorizationServer, Client, Http};
use std::collections::HashMap;
use tokio::sync::Mutex;

/// How long what discovery found out is believed.
const DISCOVERY_AGE: SignedDuration = SignedDuration::from_hours(1);

/// A provider with what it takes to talk to it. `Debug` is safe to print.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The provider.
    pub provider: Provider,
    /// Where its authorization server answers.
    pub server: AuthorizationServer,
    secret: Option<ClientSecret>,
    http: Http,
}

impl Registration {
    /// The client that makes requests in the provider's name.
    pub fn client(&self) -> Client<'_> {
        Client::new(&self.http, &self.server, &self.provider, self.secret.as_ref())
    }
}

/// What discovery found out, and from which settings.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<HashMap<ProviderId, Known>>);

#[derive(Debug)]
struct Known {
    provider: Provider,
    server: AuthorizationServer,
    until: Timestamp,
}

impl Tokens {
    /// A provider as it can be talked to now. Its secret is read from the vault each time, so that a
    /// mended one works at once; what discovery found out is kept for an hour.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Server`] where discovery failed, or the vault lacks what the provider proves
    /// itself with.
    pub async fn registration(&self, id: &ProviderId) -> Result<Registration, Error> {
        let provider = self.0.registry.provider(id).await?;
        let provider = provider.ok_or_else(|| Error::NoProvider(id.clone()))?;
        let (secret, server) = tokio::join!(self.0.vault.client_secret(id), self.server(&provider));
        let (secret, server) = (secret?, server?);
        if secret.is_none() && provider.client_auth != ClientAuth::Public {
            return Err(self.0.vault.no_client_secret(id).into());
        }
        Ok(Registration { server, secret, provider, http: self.0.http.clone() })
    }

    async fn server(&self, provider: &Provider) -> Result<AuthorizationServer, Error> {
        let now = self.now();
        let is_known = |known: &&Known| now < known.until && known.provider == *provider;
        if let Some(known) = self.0.servers.0.lock().await.get(&provider.id).filter(is_known) {
            return Ok(known.server.clone());
        }
        // Not under the lock: a server that answers slowly must not stop the others'.
        let server = match AuthorizationServer::of(&self.0.http, provider).await {
            Ok(server) => server,
            // What it said an hour ago is better than nothing; the request itself will show.
            Err(fault) => {
                let known = self.0.servers.0.lock().await;
                let known = known.get(&provider.id).filter(|known| known.provider == *provider);
                return known.map(|known| known.server.clone()).ok_or_else(|| fault.into());
            }
        };
        let known =
            Known { provider: provider.clone(), server: server.clone(), until: later(now, DISCOVERY_AGE) };
        self.0.servers.0.lock().await.insert(provider.id.clone(), known);
        Ok(server)
    }
}
