//! What the deployment tells `expiry-check`, by environment variables.

use jiff::{SignedDuration, tz::TimeZone};
use postroom_lambda::{Environment, SettingsError};
use postroom_model::{Calendar, Language, mail_address};
use std::str::FromStr;
use url::Url;

/// What the deployment tells `expiry-check`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `TABLE_NAME`: the registry's table.
    pub table: String,
    /// `SECRET_PREFIX`: what the names of the stack's secrets begin with.
    pub secret_prefix: String,
    /// `STACK_NAME`: the dimension of the metrics, and what events name as theirs.
    pub stack: String,
    /// `PUBLIC_URL`: where browsers reach the console; its path is `/`.
    pub public_url: Url,
    /// `SENDER_ADDRESS`: what mail comes from; without it nobody is mailed, and events still go out.
    pub sender: Option<String>,
    /// `CONFIGURATION_SET`: SES's, whose event destination tells what became of the mails.
    pub configuration_set: Option<String>,
    /// `OPERATOR_ADDRESSES` (comma separated), in small letters: who runs this Postroom, and whom
    /// answers go to.
    pub operators: Vec<String>,
    /// `FALLBACK_ADDRESS`, in small letters: who is told of what nobody owns; otherwise the operators.
    pub fallback: Option<String>,
    /// `LANGUAGE` (`en` or `de`): the language of mail to whom no other is known.
    pub language: Language,
    /// `TIME_ZONE` (such as `Europe/Berlin`, otherwise UTC) and `OVERDUE_REPEAT_DAYS` (7; 0: never):
    /// how stages are counted and dates are written.
    pub calendar: Calendar,
    /// `FETCH_LAG_LIMIT_SECONDS` (900): how long a batch may be due before that is an incident.
    pub lag_limit: SignedDuration,
    /// `ALLOW_LOCAL_SERVERS`: set on a developer's machine alone, where a run may be told its date.
    pub may_be_told_the_date: bool,
}

impl Settings {
    /// Reads the settings through `get`, which is `|name| std::env::var(name).ok()` in a function.
    ///
    /// # Errors
    /// [`SettingsError`], naming the first variable that is missing or wrong.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let environment = Environment::new(get);
        let zone = environment.parsed("TIME_ZONE", "is not the name of a time zone")?;
        let days = "is not a number of days from 0 to 365";
        let seconds = "is not a number of seconds from 300 to 86400";
        let repeat_days = environment.number("OVERDUE_REPEAT_DAYS", 0..=365, 7, days)?;
        let operators: Option<Addresses> =
            environment.parsed("OPERATOR_ADDRESSES", "is not a list of mail addresses")?;
        let fallback: Option<Address> = environment.parsed("FALLBACK_ADDRESS", "is not a mail address")?;
        Ok(Self {
            table: environment.need("TABLE_NAME")?,
            secret_prefix: environment.need("SECRET_PREFIX")?,
            stack: environment.need("STACK_NAME")?,
            public_url: environment.need_parsed("PUBLIC_URL", "is not a URL")?,
            sender: environment.get("SENDER_ADDRESS"),
            configuration_set: environment.get("CONFIGURATION_SET"),
            operators: operators.map(|addresses| addresses.0).unwrap_or_default(),
            fallback: fallback.map(|address| address.0),
            language: environment.parsed("LANGUAGE", "is neither en nor de")?.unwrap_or_default(),
            calendar: Calendar {
                zone: zone.map_or(TimeZone::UTC, |zone: Zone| zone.0),
                repeat_days: Some(repeat_days).filter(|days| *days > 0),
            },
            lag_limit: environment
                .number("FETCH_LAG_LIMIT_SECONDS", 300..=86_400, 900, seconds)
                .map(SignedDuration::from_secs)?,
            may_be_told_the_date: environment.flag("ALLOW_LOCAL_SERVERS")?,
        })
    }
}

struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = jiff::Error;

    fn from_str(name: &str) -> Result<Self, jiff::Error> {
        TimeZone::get(name).map(Self)
    }
}

struct Address(String);

impl FromStr for Address {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        mail_address(text).map(Self).ok_or(())
    }
}

struct Addresses(Vec<String>);

impl FromStr for Addresses {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let mut addresses = parts.map(|part| mail_address(part).ok_or(())).collect::<Result<Vec<_>, ()>>()?;
        addresses.sort();
        addresses.dedup();
        Ok(Self(addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 4] = [
        ("TABLE_NAME", "t"),
        ("SECRET_PREFIX", "postroom/post/"),
        ("STACK_NAME", "post"),
        ("PUBLIC_URL", "https://post.example"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let all: Vec<_> = more.iter().chain(&NEEDED).copied().collect();
        Settings::from_env(|asked| {
            all.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_said_is_safe() {
        let settings = read(&[]).expect("complete");
        assert_eq!(settings.calendar, Calendar { zone: TimeZone::UTC, repeat_days: Some(7) });
        assert_eq!((settings.sender, settings.fallback, settings.operators), (None, None, vec![]));
        assert!(!settings.may_be_told_the_date);
        assert_eq!(settings.lag_limit, SignedDuration::from_mins(15));
    }

    #[test]
    fn what_is_said_is_read() {
        let settings = read(&[
            ("OPERATOR_ADDRESSES", "Ops@contoso.com, ann@contoso.com,ops@contoso.com"),
            ("FALLBACK_ADDRESS", "IT@contoso.com"),
            ("OVERDUE_REPEAT_DAYS", "0"),
            ("TIME_ZONE", "Europe/Berlin"),
            ("LANGUAGE", "de"),
        ])
        .expect("complete");
        assert_eq!(settings.operators, ["ann@contoso.com", "ops@contoso.com"]);
        assert_eq!(settings.fallback.as_deref(), Some("it@contoso.com"));
        assert_eq!(settings.calendar.repeat_days, None);
        assert_eq!(settings.calendar.zone.iana_name(), Some("Europe/Berlin"));
        assert_eq!(settings.language, Language::De);
    }

    #[test]
    fn mistakes_are_named() {
        for (name, wrong) in [
            ("TABLE_NAME", ""),
            ("PUBLIC_URL", "post.example"),
            ("TIME_ZONE", "Europe/Atlantis"),
            ("OVERDUE_REPEAT_DAYS", "-1"),
            ("FETCH_LAG_LIMIT_SECONDS", "0"),
            ("OPERATOR_ADDRESSES", "ann@contoso.com,ben"),
            ("FALLBACK_ADDRESS", "nobody"),
            ("LANGUAGE", "fr"),
        ] {
            let error = read(&[(name, wrong)]).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
