//! `[[owner]]`: what is known of a person besides the address that accounts and mailboxes name.

use super::{
    problem::{Placed, Problems},
    section::Section,
};
use postroom_model::{Language, Owner};
use toml::de::DeTable;

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
