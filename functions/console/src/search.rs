//! What is asked of the overview, as its address says it: a search, a filter, and the pages around.
//!
//! Guarantees: an address holds all of it, so that a page can be kept, sent to somebody and gone back
//! to. Whatever in it is none of ours is refused or counts as not said. Accounts and mailboxes with Basic
//! auth are found by the same question, each by what it means for them.

use crate::{condition::SOON, problem::Problem};
use jiff::Timestamp;
use postroom_model::ProviderId;
use postroom_registry::{AccountQuery, Concern, Position, Standing};
use serde::Deserialize;
use std::str::FromStr;

/// Pages that can be gone back one by one; beyond that there is the first page.
const TRAIL: usize = 12;

/// What is asked for, as the page's address says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// A text to search for.
    pub(crate) q: String,
    pub(crate) show: Show,
    pub(crate) provider: String,
    pub(crate) owner: String,
    /// Where the page of accounts begins, and the pages before it, first to last.
    pub(crate) from: String,
    pub(crate) trail: String,
    /// The same of mailboxes with Basic auth.
    pub(crate) basic_from: String,
    pub(crate) basic_trail: String,
}

/// Which accounts and mailboxes are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Show {
    Needs,
    Soon,
    #[default]
    #[serde(other)]
    All,
}

impl Show {
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Needs => "needs",
            Self::Soon => "soon",
        }
    }
}

/// Where a list goes on, as an address says it.
pub(crate) fn position(text: &str) -> Result<Option<Position>, Problem> {
    filled(text).map(Position::from_str).transpose().map_err(Problem::invalid)
}

pub(crate) fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Until when what ends is soon.
fn soon(now: Timestamp) -> Timestamp {
    now.saturating_add(SOON).unwrap_or(Timestamp::MAX)
}

impl Asked {
    pub(crate) fn accounts(&self, now: Timestamp) -> AccountQuery {
        AccountQuery {
            standing: match self.show {
                Show::All => Standing::Any,
                Show::Needs => Standing::MustBeAuthorised(now),
                Show::Soon => Standing::EndingBefore(soon(now)),
            },
            provider: self.provider.parse::<ProviderId>().ok(),
            owner: filled(&self.owner).map(str::to_owned),
            text: filled(&self.q).map(str::to_owned),
        }
    }

    /// What mailboxes with Basic auth are shown for; `None`: all are.
    pub(crate) fn concern(&self, now: Timestamp) -> Option<Concern> {
        match self.show {
            Show::All => None,
            Show::Needs => Some(Concern::Fails),
            Show::Soon => Some(Concern::PasswordEndsBefore(soon(now))),
        }
    }

    /// Whether mailboxes with Basic auth are shown: they have no provider.
    pub(crate) fn shows_basic(&self) -> bool {
        filled(&self.provider).is_none()
    }

    pub(crate) fn is_filtered(&self) -> bool {
        self.show != Show::All
            || [&self.q, &self.provider, &self.owner].into_iter().any(|t| filled(t).is_some())
    }

    /// The address of this page.
    pub(crate) fn href(&self) -> String {
        let fields = [
            ("q", self.q.as_str()),
            ("show", self.show.value()),
            ("provider", &self.provider),
            ("owner", &self.owner),
            ("from", &self.from),
            ("trail", &self.trail),
            ("basic_from", &self.basic_from),
            ("basic_trail", &self.basic_trail),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(fields.into_iter().filter(|(_, value)| !value.is_empty()));
        let query = query.finish();
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    }

    /// The pages around this one of accounts.
    pub(crate) fn around(&self, next: Option<&Position>) -> Around {
        let at = |(from, trail)| Self { from, trail, ..self.clone() }.href();
        Around::new(&self.from, &self.trail, next, at)
    }

    /// The pages around this one of mailboxes with Basic auth.
    pub(crate) fn basic_around(&self, next: Option<&Position>) -> Around {
        let at = |(basic_from, basic_trail)| Self { basic_from, basic_trail, ..self.clone() }.href();
        Around::new(&self.basic_from, &self.basic_trail, next, at)
    }
}

/// Addresses of the pages around one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) first: Option<String>,
    pub(crate) back: Option<String>,
    pub(crate) next: Option<String>,
}

impl Around {
    /// A list can only be read forwards, so each page's address carries where those before it began:
    /// `trail`, separated by commas; the first page begins at nothing.
    pub(crate) fn new(
        from: &str,
        trail: &str,
        next: Option<&Position>,
        at: impl Fn((String, String)) -> String,
    ) -> Self {
        let before: Vec<&str> = if from.is_empty() { Vec::new() } else { trail.split(',').collect() };
        let back = before.split_last().map(|(last, rest)| at(((*last).to_owned(), rest.join(","))));
        let next = next.map(|next| {
            let trail: Vec<&str> = before.iter().copied().chain([from]).collect();
            let kept = trail.len().saturating_sub(TRAIL);
            at((next.to_string(), trail[kept..].join(",")))
        });
        Self { first: (!from.is_empty()).then(|| at((String::new(), String::new()))), back, next }
    }

    pub(crate) fn is_only(&self) -> bool {
        self.first.is_none() && self.next.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Query;

    #[test]
    fn pages_lead_on_and_back() {
        let at = |(from, trail): (String, String)| format!("{from}|{trail}");
        let next: Position = "m".parse().expect("a position");
        let first = Around::new("", "", Some(&next), at);
        assert_eq!(first, Around { first: None, back: None, next: Some("m|".into()) });
        let second = Around::new("m", "", Some(&next), at);
        assert_eq!((second.back.as_deref(), second.next.as_deref()), (Some("|"), Some("m|,m")));
        let third = Around::new("t", ",m", None, at);
        assert_eq!(third, Around { first: Some("|".into()), back: Some("m|".into()), next: None });
        let trail = ["p"; TRAIL].join(",");
        let far = Around::new("z", &trail, Some(&next), at).next.expect("a next page");
        assert_eq!(far.matches(',').count(), TRAIL - 1);
    }

    #[test]
    fn what_is_asked_for_round_trips_through_the_address() {
        let asked = Asked { q: "a&b=ü".into(), show: Show::Soon, owner: "x@y".into(), ..Asked::default() };
        let query = asked.href();
        let Query(read) = Query::<Asked>::try_from_uri(&query.parse().expect("an address")).expect("reads");
        assert_eq!(read, asked);
        assert_eq!(Asked::default().href(), "/");
    }
}
