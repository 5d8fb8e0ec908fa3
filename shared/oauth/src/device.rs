//! Consent on another device (RFC 8628).

use crate::{
    client::Client,
    exchange::{Exchange, answer},
    grant::{self, Answer},
    refusal,
};
use jiff::{SignedDuration, Timestamp};
use oauth2::{
    DeviceAuthorizationUrl, EmptyExtraDeviceAuthorizationFields, Scope, StandardDeviceAuthorizationResponse,
};
use postroom_model::{Fault, FaultClass};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The grant of device codes (RFC 8628 section 3.4).
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a person is to enter, and where. `Debug` is safe to print.
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// What the person enters.
    pub user_code: String,
    /// Where the person enters it.
    pub verification_uri: Url,
    /// The same with the code in it, where the server has that.
    pub verification_uri_complete: Option<Url>,
    /// How long to wait between two polls.
    pub interval: Duration,
    /// When the code ends.
    pub expires_at: Timestamp,
    device_code: SecretString,
}

/// What a poll found.
#[derive(Debug, Clone)]
pub enum DevicePoll {
    /// Nobody has consented yet: poll again after the interval.
    Pending,
    /// The same, and the interval must be 5 seconds longer from now on (RFC 8628 section 3.5).
    SlowDown,
    /// Somebody consented.
    Answer(Answer),
}

impl Client<'_> {
    /// Asks for a code that a person can enter on another device (RFC 8628 section 3.1). Besides
    /// `scopes` it asks who consents, where this server's id_tokens can be checked.
    ///
    /// # Errors
    /// A [`Fault`], when the server does not offer it, refuses, or does not answer.
    pub async fn start_device(
        &self,
        scopes: &[String],
        now: Timestamp,
    ) -> Result<DeviceAuthorization, Fault> {
        let url = self.server.device_url.clone().ok_or_else(|| {
            Fault::new(FaultClass::Configuration, "the authorization server offers no device authorization")
        })?;
        let (client, proof) = self.token_client(now)?;
        let client = client.set_device_authorization_url(DeviceAuthorizationUrl::from_url(url));
        let scopes = self.with_identity(scopes).into_iter().map(Scope::new);
        let mut request = client.exchange_device_code().add_scopes(scopes);
        for (name, value) in proof {
            request = request.add_extra_param(name, value);
        }
        let sent =
            request.request_async::<_, EmptyExtraDeviceAuthorizationFields>(&Exchange(self.http)).await;
        let answer = answer(sent)?;
        if !answer.is_success() {
            return Err(refusal::classify(answer.status, answer.body(), answer.retry_after));
        }
        let unusable = |why| refusal::of_success(answer.status, answer.body(), &why);
        let said: StandardDeviceAuthorizationResponse =
            serde_json::from_str(answer.body()).map_err(|_| unusable("not a device authorization"))?;
        // A person follows it.
        let may_be_followed = |url: &Url| self.http.check(url).is_ok();
        let verification_uri = said.verification_uri().url().clone();
        if !may_be_followed(&verification_uri) {
            return Err(unusable("a verification address that is not https"));
        }
        let life = SignedDuration::try_from(said.expires_in()).unwrap_or(SignedDuration::MAX);
        Ok(DeviceAuthorization {
            user_code: said.user_code().secret().clone(),
            verification_uri,
            verification_uri_complete: said
                .verification_uri_complete()
                .and_then(|uri| Url::parse(uri.secret()).ok())
                .filter(may_be_followed),
            interval: said.interval(),
            expires_at: now.saturating_add(life).unwrap_or(Timestamp::MAX),
            device_code: said.device_code().secret().as_str().into(),
        })
    }

    /// Asks once whether somebody has consented meanwhile (RFC 8628 section 3.4). The `oauth2` crate
    /// would wait in a loop of its own.
    ///
    /// # Errors
    /// A [`Fault`], when somebody declined, or nobody consented in time; or a passing one, after
    /// which the next poll may well succeed.
    pub async fn poll_device(
        &self,
        device: &DeviceAuthorization,
        now: Timestamp,
    ) -> Result<DevicePoll, Fault> {
        if now >= device.expires_at {
            return Err(Fault::new(FaultClass::AuthorizationEnded, "nobody entered the code in time"));
        }
        let form = [("grant_type", DEVICE_CODE), ("device_code", device.device_code.expose_secret())];
        let answer = self.post(&self.server.token_url, &form, now).await?;
        if answer.is_success() {
            return grant::consented(&answer, now).map(DevicePoll::Answer);
        }
        let said: Option<Value> = serde_json::from_str(answer.body()).ok();
        match said.as_ref().and_then(|said| said["error"].as_str()) {
            Some("authorization_pending") => Ok(DevicePoll::Pending),
            Some("slow_down") => Ok(DevicePoll::SlowDown),
            _ => Err(refusal::classify(answer.status, answer.body(), answer.retry_after)),
        }
    }
}
