//! Every text that people read, in English and in German.
//!
//! Each file below `texts/` holds the texts of one page, or of a few that belong together.

pub(crate) use postroom_language::Fill;
use postroom_model::Language;

/// All groups: a module and a field for each.
macro_rules! groups {
    ($($module:ident: $group:ident;)*) => {
        $(pub(crate) mod $module;)*

        /// Every text in one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $module: $module::$group,)*
        }

        static EN: Texts = Texts { $($module: $module::$group::EN,)* };
        static DE: Texts = Texts { $($module: $module::$group::DE,)* };

        #[cfg(test)]
        const ALL: &[&[postroom_language::Translated]] = &[$($module::$group::ALL,)*];
    };
}

groups! {
    account: Account;
    chain: Chain;
    condition: Condition;
    consent: Consent;
    fault: Faults;
    guide: Guide;
    layout: Layout;
    letter: Letter;
    mailbox: Mailbox;
    migration: Migration;
    overview: Overview;
    owner: Owner;
    problem: Problem;
    registration: Registration;
    reminder: Reminder;
    sign_in: SignIn;
}

/// What a language says on the console's pages.
pub(crate) trait Speak {
    /// All texts in this language.
    fn texts(self) -> &'static Texts;
}

impl Speak for Language {
    fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::De => &DE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_complete_in_both_languages() {
        for group in ALL {
            assert_eq!(postroom_language::mistakes(group), [""; 0]);
        }
    }
}
