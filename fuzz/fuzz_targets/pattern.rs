//! The patterns of a mailbox's filter.
//!
//! Claim: a pattern matches what the plainest way to match says it does. Both are the fuzzer's, with a
//! NUL between them: who sends mail chooses half of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom_model::Pattern;

/// The longest text that is compared the plain way, in characters.
const MOST: usize = 300;

fuzz_target!(|data: &str| {
    let Some((pattern, text)) = data.split_once('\0') else { return };
    let Some(pattern) = Pattern::new(pattern) else { return };
    let found = pattern.matches(text);
    let pattern: Vec<char> = pattern.as_str().to_lowercase().chars().collect();
    let text: Vec<char> = text.trim().to_lowercase().chars().collect();
    if pattern.len() <= MOST && text.len() <= MOST {
        assert_eq!(found, matches(&pattern, &text));
    }
});

/// Whether a pattern matches, letter by letter: which beginnings of the pattern match the text so far.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    spread(pattern, &mut reached);
    for letter in text {
        let mut next = vec![false; pattern.len() + 1];
        for (at, wanted) in pattern.iter().enumerate().filter(|(at, _)| reached[*at]) {
            next[at] |= *wanted == '*';
            next[at + 1] |= wanted == letter;
        }
        spread(pattern, &mut next);
        reached = next;
    }
    reached[pattern.len()]
}

/// A `*` may also stand for nothing.
fn spread(pattern: &[char], reached: &mut [bool]) {
    for at in 0..pattern.len() {
        reached[at + 1] |= reached[at] && pattern[at] == '*';
    }
}
