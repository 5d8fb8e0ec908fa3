//! What is wrong with a manifest, and where.
//!
//! Problems are collected, never thrown: a person corrects them all in one go. Their texts quote
//! keys and names, never a secret's value, and what they quote steers no terminal.

use crate::status::plain;
use std::fmt;

/// A value and the byte at which it stands in the manifest.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    /// Offset from the beginning of the manifest, in bytes.
    pub(super) at: usize,
    /// What stands there.
    pub(super) value: T,
}

/// Everything that is wrong with one manifest. Its `Display` is the complete report.
#[derive(Debug, Clone)]
pub struct Problems {
    file: String,
    line_starts: Vec<usize>,
    text: String,
    list: Vec<Problem>,
}

#[derive(Debug, Clone)]
struct Problem {
    at: usize,
    reason: String,
    hint: Option<String>,
}

impl Problems {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file: file.to_owned(), line_starts, text: text.to_owned(), list: Vec::new() }
    }

    pub(super) fn add(&mut self, at: usize, reason: impl Into<String>) {
        self.list.push(Problem { at, reason: reason.into(), hint: None });
    }

    pub(super) fn add_with_hint(&mut self, at: usize, reason: impl Into<String>, hint: impl Into<String>) {
        self.list.push(Problem { at, reason: reason.into(), hint: Some(hint.into()) });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the manifest is fine.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What is wrong, without its place.
    pub fn reasons(&self) -> Vec<String> {
        let reason = |problem: &Problem| match &problem.hint {
            Some(hint) => format!("{} (hint: {hint})", problem.reason),
            None => problem.reason.clone(),
        };
        self.list.iter().map(reason).collect()
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at).max(1)
    }

    /// The column of a byte in characters, from 1.
    fn column(&self, at: usize) -> usize {
        let start = self.line_starts[self.line(at) - 1];
        self.text.get(start..at).map_or(1, |before| before.chars().count() + 1)
    }

    /// Drops what follows from a syntax error: whatever else stands on the lines of the first `syntax` problems.
    pub(super) fn drop_consequences(&mut self, syntax: usize) {
        let lines: Vec<usize> = self.list[..syntax].iter().map(|p| self.line(p.at)).collect();
        let starts = std::mem::take(&mut self.line_starts);
        let line = |at: usize| starts.partition_point(|start| *start <= at).max(1);
        let mut index = 0;
        self.list.retain(|problem| {
            index += 1;
            index <= syntax || !lines.contains(&line(problem.at))
        });
        self.line_starts = starts;
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Problem> = self.list.iter().collect();
        sorted.sort_by_key(|problem| problem.at);
        for problem in sorted {
            let (line, column) = (self.line(problem.at), self.column(problem.at));
            writeln!(f, "{}:{line}:{column}: {}", plain(&self.file), plain(&problem.reason))?;
            if let Some(hint) = &problem.hint {
                writeln!(f, "    hint: {}", plain(hint))?;
            }
        }
        let errors = if self.list.len() == 1 { "1 error" } else { &format!("{} errors", self.list.len()) };
        write!(f, "{errors} in {}; nothing was applied", plain(&self.file))
    }
}

impl std::error::Error for Problems {}
