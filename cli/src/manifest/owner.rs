//! `[[owner]]`: what is known of a person besides the address that accounts and mailboxes name.

use super::{
    problem::{Placed, Problems},
    section::Section,
};
use postroom_model::{Language, Owner};
use toml::de::DeTable;

/// What to think of an address whose domain has two forms, its letters and Punycode: letters of two scripts
/// may look alike, so that both are shown. `sent` is the form that mail systems write, `written` the
/// manifest's. `None`: the domain is plain ASCII.
pub(super) fn lookalike(sent: &str, written: &str) -> Option<String> {
    let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let sent = domain(sent)?;
    let (read, _) = idna::domain_to_unicode(&sent);
    if read == sent {
        return None;
    }
    let mixed = if mixes_scripts(&read) { ", and mixes letters of several scripts" } else { "" };
    Some(format!(
        "owner {written}: the domain is {read} in letters and {sent} in mail{mixed}: make sure that it is the right one"
    ))
}

/// Whether a label has letters of the Latin script and of another one.
fn mixes_scripts(domain: &str) -> bool {
    // Basic Latin to IPA Extensions, and Latin Extended Additional.
    let is_latin = |c: char| matches!(c, 'a'..='z' | '\u{c0}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}');
    domain.split('.').any(|label| {
        let letters = || label.chars().filter(|c| c.is_alphabetic());
        letters().any(is_latin) && !letters().all(is_latin)
    })
}

/// An `[[owner]]` as far as it could be read.
pub(super) struct OwnerEntry {
    /// The address as people are told apart by it.
    pub(super) address: Placed<String>,
    pub(super) language: Option<Language>,
}

const LANGUAGES: [(&str, Language); 2] = [("en", Language::En), ("de", Language::De)];

impl OwnerEntry {
    pub(super) fn read(problems: &mut Problems, Placed { at, value }: Placed<DeTable<'_>>) -> Option<Self> {
        let mut section = Section::new(problems, at, value);
        section.require("address", "the owner has no \"address\"");
        let written = section.filled_text("address");
        let address = written
            .and_then(|written| section.mail_address(&written).map(|value| Placed { at: written.at, value }));
        let language = section.choice("language", &LANGUAGES).map(|language| language.value);
        section.finish();
        Some(Self { address: address?, language })
    }

    pub(super) fn owner(&self) -> Owner {
        Owner { address: self.address.value.clone(), language: self.language }
    }
}
