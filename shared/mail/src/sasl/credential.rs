//! Credentials, and the mechanism that one is sent by.

use super::Mechanism;
use crate::{Error, classify::Moment};
use postroom_model::SaslPolicy;
use secrecy::{ExposeSecret, SecretString};

/// What a mailbox signs in with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Its password.
    Password(SecretString),
    /// An OAuth access token.
    AccessToken(SecretString),
}

/// What a server offers to sign in with.
pub(crate) struct Offer<'a> {
    /// The SASL mechanisms; none, where the server does not say what it offers.
    pub(crate) mechanisms: Option<Vec<&'a str>>,
    /// The protocol's own command for passwords, unless the server excludes it.
    pub(crate) own: Option<Mechanism>,
    /// It greets with what APOP digests.
    pub(crate) apop: bool,
}

impl Credential {
    /// The secret, for the wire.
    pub(crate) fn expose(&self) -> &str {
        match self {
            Self::Password(secret) | Self::AccessToken(secret) => secret.expose_secret(),
        }
    }

    /// Refuses what a mechanism could not carry, or what would end its message early.
    pub(crate) fn check(&self, user: &str) -> Result<(), Error> {
        let secret = self.expose();
        if user.is_empty() || user.chars().any(char::is_control) {
            return Err(Error::Unsendable("the user name is empty or has control characters"));
        }
        match self {
            Self::Password(_) if secret.is_empty() || secret.chars().any(char::is_control) => {
                Err(Error::Unsendable("the password is empty or has control characters"))
            }
            Self::AccessToken(_) if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) => {
                Err(Error::Unsendable("the access token is empty or has characters that no token may have"))
            }
            _ => Ok(()),
        }
    }

    /// The best mechanism that is offered and that the policy allows. Where the server does not say what
    /// it offers, it is taken to know what the policy names.
    ///
    /// # Errors
    /// [`Error::NoMechanism`].
    pub(crate) fn mechanism(&self, policy: SaslPolicy, offer: &Offer<'_>) -> Result<Mechanism, Error> {
        let offered = offer.mechanisms.as_deref().unwrap_or_default();
        let has = |m: &Mechanism| offered.iter().any(|o| o.eq_ignore_ascii_case(m.name()));
        let named = |mechanism| offer.mechanisms.is_none().then_some(mechanism);
        let (best_first, otherwise, wanted): (&[Mechanism], _, _) = match (self, policy) {
            (Self::Password(_), SaslPolicy::Apop) => (&[], offer.apop.then_some(Mechanism::Apop), "APOP"),
            (Self::Password(_), _) => {
                (&[Mechanism::Plain, Mechanism::Login], offer.own, "signing in with a password")
            }
            (Self::AccessToken(_), SaslPolicy::Auto) => {
                (&[Mechanism::Oauthbearer, Mechanism::Xoauth2], None, "OAUTHBEARER or XOAUTH2")
            }
            (Self::AccessToken(_), SaslPolicy::Xoauth2) => {
                (&[Mechanism::Xoauth2], named(Mechanism::Xoauth2), "XOAUTH2")
            }
            (Self::AccessToken(_), SaslPolicy::Oauthbearer) => {
                (&[Mechanism::Oauthbearer], named(Mechanism::Oauthbearer), "OAUTHBEARER")
            }
            (Self::AccessToken(_), SaslPolicy::Apop) => (&[], None, "APOP"),
        };
        best_first.iter().copied().find(has).or(otherwise).ok_or_else(|| {
            let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
            Error::NoMechanism { wanted, offered }
        })
    }

    /// The moment of a refusal, once it was sent.
    pub(crate) fn moment(&self) -> Moment {
        match self {
            Self::Password(_) => Moment::Password,
            Self::AccessToken(_) => Moment::AccessToken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mechanism_follows_offer_and_policy() {
        let token = Credential::AccessToken("t".to_owned().into());
        let password = Credential::Password("p".to_owned().into());
        let of = |credential: &Credential, policy, listed: Option<&[&'static str]>, own, apop| {
            let offer = Offer { mechanisms: listed.map(<[_]>::to_vec), own, apop };
            credential.mechanism(policy, &offer)
        };
        let both: Option<&[&str]> = Some(&["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]);
        let command = Some(Mechanism::Command);
        for (credential, policy, listed, expected) in [
            (&token, SaslPolicy::Auto, both, Mechanism::Oauthbearer),
            (&token, SaslPolicy::Auto, Some(&["xoauth2"]), Mechanism::Xoauth2),
            (&token, SaslPolicy::Xoauth2, both, Mechanism::Xoauth2),
            (&token, SaslPolicy::Oauthbearer, both, Mechanism::Oauthbearer),
            (&token, SaslPolicy::Xoauth2, None, Mechanism::Xoauth2),
            (&token, SaslPolicy::Oauthbearer, None, Mechanism::Oauthbearer),
            (&password, SaslPolicy::Xoauth2, both, Mechanism::Plain),
            (&password, SaslPolicy::Auto, Some(&["LOGIN"]), Mechanism::Login),
            (&password, SaslPolicy::Auto, Some(&[]), Mechanism::Command),
            (&password, SaslPolicy::Auto, None, Mechanism::Command),
            (&password, SaslPolicy::Apop, both, Mechanism::Apop),
        ] {
            assert_eq!(of(credential, policy, listed, command, true).expect("offered"), expected);
        }
        let lacks = "the server does not offer ";
        for (credential, policy, listed, apop, said) in [
            (
                &token,
                SaslPolicy::Oauthbearer,
                Some(&["PLAIN", "XOAUTH2"][..]),
                true,
                "OAUTHBEARER; it offers PLAIN, XOAUTH2",
            ),
            (&token, SaslPolicy::Xoauth2, Some(&[]), true, "XOAUTH2; it offers nothing"),
            (&token, SaslPolicy::Auto, None, true, "OAUTHBEARER or XOAUTH2; it offers nothing"),
            (&token, SaslPolicy::Apop, None, true, "APOP; it offers nothing"),
            (&password, SaslPolicy::Apop, Some(&["PLAIN"]), false, "APOP; it offers PLAIN"),
            (
                &password,
                SaslPolicy::Auto,
                Some(&["GSSAPI"]),
                true,
                "signing in with a password; it offers GSSAPI",
            ),
        ] {
            let error = of(credential, policy, listed, None, apop).expect_err(said);
            assert_eq!(error.to_string(), format!("{lacks}{said}"));
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused_without_being_quoted() {
        let password = |p: &str| Credential::Password(p.to_owned().into());
        let token = |t: &str| Credential::AccessToken(t.to_owned().into());
        for (credential, user) in [
            (password("s3cret"), ""),
            (password("s3cret"), "ann\r\nP2 DELETE"),
            (password("s3c\0ret"), "ann"),
            (password(""), "ann"),
            (token("s3cret\x01"), "ann"),
            (token("s3 cret"), "ann"),
            (token("s3cret"), "ann\x01auth=Bearer x"),
        ] {
            let error = credential.check(user).expect_err("refused").to_string();
            assert!(!error.contains("ret\""), "{error}");
        }
        assert!(password("grüße pw").check("ann@ä.example").is_ok());
        assert!(!format!("{:?}", password("s3cret")).contains("s3cret"));
    }
}
