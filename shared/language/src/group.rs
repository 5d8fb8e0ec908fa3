//! Groups of texts.

/// One group of texts: a struct with a field for each, and its values in English and in German.
///
/// ```
/// postroom_language::texts! {
///     /// What the overview says.
///     Overview
///     title = "Accounts and mailboxes" / "Konten und Postfächer";
/// }
/// let language = postroom_model::Language::De;
/// assert_eq!(Overview::of(language).title, "Konten und Postfächer");
/// ```
///
/// In tests the group has `ALL`, which [`mistakes`](crate::mistakes) looks at.
#[macro_export]
macro_rules! texts {
    ($(#[$doc:meta])* $group:ident $($name:ident = $en:literal / $de:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $group {
            $(pub(crate) $name: &'static str,)*
        }

        impl $group {
            /// English.
            pub(crate) const EN: Self = Self { $($name: $en,)* };
            /// German.
            pub(crate) const DE: Self = Self { $($name: $de,)* };

            /// The group in one language.
            pub(crate) const fn of(language: $crate::Language) -> &'static Self {
                match language {
                    $crate::Language::En => &Self::EN,
                    $crate::Language::De => &Self::DE,
                }
            }

            /// Every text, by its name.
            #[cfg(test)]
            pub(crate) const ALL: &'static [$crate::Translated] = &[$($crate::Translated {
                name: concat!(stringify!($group), ".", stringify!($name)),
                en: $en,
                de: $de,
            },)*];
        }
    };
}
