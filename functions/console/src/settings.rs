//! What the deployment tells `console`, by environment variables.

use crate::{language::Language, sign_in::Administrators};
use jiff::{SignedDuration, tz::TimeZone};
use postroom_lambda::{Environment, SettingsError};
use postroom_mail::NetworkSettings;
use postroom_model::Calendar;
use postroom_oauth::HttpSettings;
use std::{str::FromStr, time::Duration};
use url::Url;

/// How long a mail server may take to answer a connection, TLS and its greeting: somebody waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);
/// The longest silence of a mail server in mid-answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(6);
/// How long one request to an authorization server may take: a callback makes up to five of them,
/// and API Gateway gives up after 30 seconds.
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// Days after which it is said again that something has ended.
const REPEAT_DAYS: u16 = 7;

/// What the deployment tells `console`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `TABLE_NAME`: the registry's table.
    pub table: String,
    /// `TRANSCRIPT_BUCKET_NAME`: the bucket of protocol transcripts, which people are told of.
    pub transcript_bucket: String,
    /// `SECRET_PREFIX`: what the names of the stack's secrets begin with.
    pub secret_prefix: String,
    /// `STACK_NAME`: the dimension of the metrics.
    pub stack: String,
    /// `TOKEN_KEY_ID`: the KMS key under which tokens lie sealed outside the vault for a moment.
    pub token_key: String,
    /// `PUBLIC_URL`: where browsers reach the console; its path is `/`.
    pub public_url: Url,
    /// `ADMIN_PROVIDER`, `ADMIN_ADDRESSES` (comma separated) and `ADMIN_GROUP` (`claim=value`): who
    /// may sign in as an administrator, and where.
    pub administrators: Administrators,
    /// `SENDER_ADDRESS`: what mail to owners comes from; without it none is sent.
    pub sender: Option<String>,
    /// `OPERATOR_ADDRESSES` (comma separated): where answers to that mail go; without any, to the sender.
    pub operators: Vec<String>,
    /// `CONFIGURATION_SET`: SES's name for where it is told what becomes of that mail.
    pub configuration_set: Option<String>,
    /// `TIME_ZONE` (a name of the IANA database, such as `Europe/Berlin`; `UTC` unless set) and
    /// `OVERDUE_REPEAT_DAYS` (7 unless set; 0: it is said once): when people are reminded.
    pub calendar: Calendar,
    /// `LANGUAGE` (`en` or `de`): the language of pages and mail where nothing says otherwise.
    pub language: Language,
    /// `REFRESH_LEAD_MINUTES`: how long before its end an access token is renewed.
    pub refresh_lead: SignedDuration,
    /// How mail servers may be reached.
    pub network: NetworkSettings,
    /// How authorization servers may be reached.
    pub http: HttpSettings,
}

impl Settings {
    /// Reads the settings through `get`, which is `|name| std::env::var(name).ok()` in a function.
    ///
    /// # Errors
    /// [`SettingsError`], naming the first variable that is missing or wrong.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let environment = Environment::new(get);
        let reach = environment.reach()?;
        let problem = "is not an http or https address without a path";
        let PublicUrl(public_url) = environment.need_parsed("PUBLIC_URL", problem)?;
        Ok(Self {
            table: environment.need("TABLE_NAME")?,
            transcript_bucket: environment.need("TRANSCRIPT_BUCKET_NAME")?,
            secret_prefix: environment.need("SECRET_PREFIX")?,
            stack: environment.need("STACK_NAME")?,
            token_key: environment.need("TOKEN_KEY_ID")?,
            public_url,
            administrators: Administrators {
                provider: environment.parsed("ADMIN_PROVIDER", "is not the id of a provider")?,
                addresses: environment.list("ADMIN_ADDRESSES"),
                group: environment.parsed("ADMIN_GROUP", "is not claim=value")?,
            },
            sender: environment.get("SENDER_ADDRESS"),
            operators: environment.list("OPERATOR_ADDRESSES"),
            configuration_set: environment.get("CONFIGURATION_SET"),
            calendar: Calendar {
                zone: environment
                    .parsed("TIME_ZONE", "is not the name of a time zone, such as Europe/Berlin")?
                    .map_or(TimeZone::UTC, |Zone(zone)| zone),
                repeat_days: environment
                    .parsed("OVERDUE_REPEAT_DAYS", "is not a number of days")?
                    .or(Some(REPEAT_DAYS))
                    .filter(|days| *days > 0),
            },
            language: environment.parsed("LANGUAGE", "is neither en nor de")?.unwrap_or_default(),
            refresh_lead: environment.refresh_lead()?,
            network: NetworkSettings {
                extra_ca_pem: reach.extra_ca_pem.clone(),
                allow_local: reach.allow_local,
                plaintext_hosts: reach.plaintext_hosts.clone(),
                connect_timeout: CONNECT_TIMEOUT,
                idle_timeout: IDLE_TIMEOUT,
            },
            http: HttpSettings {
                extra_ca_pem: reach.extra_ca_pem,
                allow_local: reach.allow_local,
                plaintext_hosts: reach.plaintext_hosts,
                timeout: HTTP_TIMEOUT,
            },
        })
    }

    /// The one address that authorization servers send browsers back to.
    pub fn redirect_url(&self) -> Url {
        self.page_url("callback")
    }

    /// The address of a page, by its path without the leading slash.
    pub(crate) fn page_url(&self, path: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(path);
        url
    }
}

/// Where browsers reach the console: a whole host, because cookies are made for one.
struct PublicUrl(Url);

impl FromStr for PublicUrl {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let url = Url::parse(text).map_err(|_| ())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let ok = bare && url.username().is_empty() && matches!(url.scheme(), "http" | "https");
        if ok { Ok(Self(url)) } else { Err(()) }
    }
}

/// A time zone by its name.
struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = jiff::Error;

    fn from_str(name: &str) -> Result<Self, jiff::Error> {
        TimeZone::get(name).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let basic = [
            ("TABLE_NAME", "t"),
            ("TRANSCRIPT_BUCKET_NAME", "b"),
            ("SECRET_PREFIX", "p"),
            ("STACK_NAME", "s"),
            ("TOKEN_KEY_ID", "k"),
            ("PUBLIC_URL", "https://post.example"),
        ];
        let all = [&basic, extra].concat();
        Settings::from_env(|name| all.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn defaults_are_safe_and_mistakes_are_named() {
        let settings = read(&[]).expect("complete");
        assert!(!settings.network.allow_local && !settings.http.allow_local);
        assert!(settings.administrators.provider.is_none() && settings.sender.is_none());
        assert_eq!(settings.redirect_url().as_str(), "https://post.example/callback");
        for wrong in [
            ("TABLE_NAME", ""),
            ("TRANSCRIPT_BUCKET_NAME", ""),
            ("PUBLIC_URL", ""),
            ("PUBLIC_URL", "post.example"),
            ("PUBLIC_URL", "https://post.example/stage"),
            ("PUBLIC_URL", "https://post.example/?a=b"),
            ("PUBLIC_URL", "ftp://post.example/"),
            ("ADMIN_GROUP", "admins"),
            ("ADMIN_PROVIDER", "A B"),
            ("LANGUAGE", "fr"),
            ("TIME_ZONE", "Europe/Nowhere"),
            ("OVERDUE_REPEAT_DAYS", "weekly"),
        ] {
            let error = read(&[wrong]).expect_err("refused");
            assert!(error.to_string().contains(wrong.0), "{error}");
        }
    }

    #[test]
    fn people_are_reminded_by_the_deployments_calendar() {
        let calendar = |extra: &[(&str, &str)]| read(extra).expect("complete").calendar;
        assert_eq!(calendar(&[]), Calendar { zone: TimeZone::UTC, repeat_days: Some(7) });
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let berlin = [("TIME_ZONE", "Europe/Berlin"), ("OVERDUE_REPEAT_DAYS", "0")];
        assert_eq!(calendar(&berlin), Calendar { zone, repeat_days: None });
    }

    #[test]
    fn administrators_are_read() {
        let settings = read(&[
            ("ADMIN_PROVIDER", "sso"),
            ("ADMIN_ADDRESSES", "ann@post.example, ben@post.example,"),
            ("ADMIN_GROUP", "groups=mail=admins"),
        ]);
        let administrators = settings.expect("complete").administrators;
        assert_eq!(administrators.addresses, ["ann@post.example", "ben@post.example"]);
        let group = administrators.group.expect("a group");
        assert_eq!((group.claim.as_str(), group.value.as_str()), ("groups", "mail=admins"));
    }
}
