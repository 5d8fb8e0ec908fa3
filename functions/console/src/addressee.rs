//! Owners as pages show them: with a mark where mail does not reach them.

use crate::{
    app::App,
    calendar::Clock,
    language::{Language, Speak},
    problem::Problem,
    texts::Fill,
};
use postroom_language::visible;
use postroom_model::Undeliverable;

/// An owner, by the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addressee {
    /// The address, as the account or mailbox names it.
    pub(crate) address: String,
    /// Since when and why it takes no mail, and what the mail system said; none where it does.
    pub(crate) blocked: Option<(String, String)>,
}

impl Addressee {
    pub(crate) fn new(address: &str, undeliverable: Option<&Undeliverable>, clock: Clock<'_>) -> Self {
        let t = clock.language.texts();
        let blocked = undeliverable.map(|known| {
            let date = clock.date(known.since);
            let because = t.rejection(known.because);
            let words = t.reminder.takes_no_mail.fill(&[("date", &date), ("because", &because)]);
            (words, visible(&known.said))
        });
        Self { address: address.to_owned(), blocked }
    }
}

/// Owners with what is known of their addresses, in their order.
pub(crate) async fn addressees(
    app: &App,
    owners: &[String],
    language: Language,
) -> Result<Vec<Addressee>, Problem> {
    let people = app.registry.people(owners).await?;
    let addressee = |owner: &String| {
        let undeliverable = people.get(owner).and_then(|person| person.undeliverable.as_ref());
        Addressee::new(owner, undeliverable, app.clock(language))
    };
    Ok(owners.iter().map(addressee).collect())
}
