//! Texts with values in them.

use std::fmt::{Display, Write};

/// Puts values in at their placeholders, in one pass: what a value contains is not looked at again.
/// A placeholder without a value stays as it is.
pub fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let found = from.find('}').and_then(|end| {
            let name = &from[1..end];
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, end))
        });
        match found {
            Some((value, end)) => {
                // Writing to a `String` cannot fail.
                let _ = write!(filled, "{value}");
                rest = &from[end + 1..];
            }
            None => {
                filled.push('{');
                rest = &from[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// [`fill`] as a method.
pub trait Fill {
    /// The text with its values.
    fn fill(&self, values: &[(&str, &dyn Display)]) -> String;

    /// The text with one value: templates pass references to what they name, which a list of `dyn`
    /// values does not take.
    fn with(&self, name: &str, value: impl Display) -> String {
        self.fill(&[(name, &value)])
    }
}

impl Fill for str {
    fn fill(&self, values: &[(&str, &dyn Display)]) -> String {
        fill(self, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once() {
        let text = fill("{a} of {b}, {c} {", &[("a", &"{b}"), ("b", &12)]);
        assert_eq!(text, "{b} of 12, {c} {");
        assert_eq!("{n} left".with("n", 3), "3 left");
    }
}
