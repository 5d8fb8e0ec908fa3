//! What the deployment tells a function by its environment.

use base64::Engine;
use jiff::SignedDuration;
use std::{ops::RangeInclusive, str::FromStr};

/// An environment variable that is missing or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}environment variable {name} {problem}; the deployment's template sets it", parameter(name))]
pub struct SettingsError {
    name: &'static str,
    problem: &'static str,
}

/// The parameters of the template that set variables as they are, by the variables.
const PARAMETERS: [(&str, &str); 17] = [
    ("ADMIN_ADDRESSES", "AdminAddresses"),
    ("ADMIN_GROUP", "AdminGroup"),
    ("ADMIN_PROVIDER", "AdminProvider"),
    ("ALLOW_LOCAL_SERVERS", "AllowLocalServers"),
    ("FALLBACK_ADDRESS", "FallbackAddress"),
    ("FETCH_LAG_LIMIT_SECONDS", "FetchLagLimitSeconds"),
    ("LANGUAGE", "Language"),
    ("LOG_LEVEL", "LogLevel"),
    ("MAIL_CA", "MailCa"),
    ("MEMORY_BUDGET_MIB", "FetchMemoryBudgetMiB"),
    ("OPERATOR_ADDRESSES", "OperatorAddresses"),
    ("OVERDUE_REPEAT_DAYS", "OverdueRepeatDays"),
    ("PLAINTEXT_HOSTS", "PlaintextHosts"),
    ("PUBLIC_URL", "PublicUrl"),
    ("REFRESH_LEAD_MINUTES", "RefreshLeadMinutes"),
    ("SENDER_ADDRESS", "SenderAddress"),
    ("TIME_ZONE", "TimeZone"),
];

/// What a message about a variable begins with: the parameter to mend, where there is one.
fn parameter(variable: &str) -> String {
    let found = PARAMETERS.iter().find(|(name, _)| *name == variable);
    found.map(|(_, parameter)| format!("parameter {parameter}: ")).unwrap_or_default()
}

/// How servers outside AWS may be reached: mail servers and authorization servers alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// `MAIL_CA` (base64 of a PEM bundle): certificate authorities besides the public ones.
    pub extra_ca_pem: Option<String>,
    /// `ALLOW_LOCAL_SERVERS` (`true` or `false`): whether servers may be on this machine.
    pub allow_local: bool,
    /// `PLAINTEXT_HOSTS` (comma separated): hosts that may be spoken to without TLS.
    pub plaintext_hosts: Vec<String>,
}

/// Environment variables, read through a function so that tests can give them. An empty one counts as
/// absent.
#[derive(Debug, Clone, Copy)]
pub struct Environment<F>(F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// Variables as `get` gives them, which is `|name| std::env::var(name).ok()` in a function.
    pub fn new(get: F) -> Self {
        Self(get)
    }

    /// A variable that may be absent.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn need(&self, name: &'static str) -> Result<String, SettingsError> {
        self.get(name).ok_or(SettingsError { name, problem: "is not set" })
    }

    /// `true` or `false`; `false` where it is absent.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn flag(&self, name: &'static str) -> Result<bool, SettingsError> {
        match self.get(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(SettingsError { name, problem: "is neither true nor false" }),
        }
    }

    /// A number within a range; `default` where it is absent. `problem` says what is wrong with another.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn number<N: FromStr + PartialOrd>(
        &self,
        name: &'static str,
        range: RangeInclusive<N>,
        default: N,
        problem: &'static str,
    ) -> Result<N, SettingsError> {
        match self.get(name).map(|text| text.parse()) {
            None => Ok(default),
            Some(Ok(number)) if range.contains(&number) => Ok(number),
            Some(_) => Err(SettingsError { name, problem }),
        }
    }

    /// A value of a type of its own; `problem` says what is wrong with a text that is none.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        problem: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        self.get(name).map(|text| text.parse().map_err(|_| SettingsError { name, problem })).transpose()
    }

    /// As [`Environment::parsed`], of a variable that must be there.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn need_parsed<T: FromStr>(
        &self,
        name: &'static str,
        problem: &'static str,
    ) -> Result<T, SettingsError> {
        self.parsed(name, problem)?.ok_or(SettingsError { name, problem: "is not set" })
    }

    /// The parts of a list with commas between them.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// How servers outside AWS may be reached.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn reach(&self) -> Result<Reach, SettingsError> {
        Ok(Reach {
            extra_ca_pem: self.get("MAIL_CA").map(decode_pem).transpose()?,
            allow_local: self.flag("ALLOW_LOCAL_SERVERS")?,
            plaintext_hosts: self.list("PLAINTEXT_HOSTS"),
        })
    }

    /// `REFRESH_LEAD_MINUTES`, 10 where it is absent: how long before its end an access token is renewed.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn refresh_lead(&self) -> Result<SignedDuration, SettingsError> {
        let problem = "is not a number of minutes from 1 to 60";
        // The deployment's template promises the same.
        self.number("REFRESH_LEAD_MINUTES", 1..=60, 10, problem).map(SignedDuration::from_mins)
    }
}

fn decode_pem(text: String) -> Result<String, SettingsError> {
    let error = SettingsError { name: "MAIL_CA", problem: "is not base64 of a PEM file" };
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim());
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &'static str, value: &'static str) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment::new(move |asked: &str| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn defaults_are_safe() {
        let nothing = Environment::new(|_: &str| None);
        let reach = nothing.reach().expect("complete");
        assert!(!reach.allow_local && reach.plaintext_hosts.is_empty() && reach.extra_ca_pem.is_none());
        assert_eq!(nothing.refresh_lead(), Ok(SignedDuration::from_mins(10)));
        assert_eq!(nothing.number("N", 1..=9, 5, "wrong"), Ok(5));
        let hosts = environment("PLAINTEXT_HOSTS", "a.example, b.example,").list("PLAINTEXT_HOSTS");
        assert_eq!(hosts, ["a.example", "b.example"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (name, wrong) in [("MAIL_CA", "%"), ("ALLOW_LOCAL_SERVERS", "yes"), ("REFRESH_LEAD_MINUTES", "0")]
        {
            let environment = environment(name, wrong);
            let error = environment.reach().map(drop).and(environment.refresh_lead().map(drop));
            assert!(error.expect_err("refused").to_string().contains(name), "{name}");
        }
        let zone =
            environment("TIME_ZONE", "Mars").parsed::<u8>("TIME_ZONE", "is not the name of a time zone");
        assert_eq!(
            zone.expect_err("refused").to_string(),
            "parameter TimeZone: environment variable TIME_ZONE is not the name of a time zone; the deployment's \
             template sets it"
        );
        let missing = environment("A", "").need("A").expect_err("refused");
        assert_eq!(
            missing.to_string(),
            "environment variable A is not set; the deployment's template sets it"
        );
    }
}
