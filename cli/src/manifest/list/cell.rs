//! The cells of a CSV file, each with its place.
//!
//! A splitter of our own, because problems name line and column, and because what a lenient reader makes
//! of a quote that is never closed, one cell with half the file in it, could swallow passwords.

use crate::manifest::problem::{Placed, Problems};

/// What may stand between two cells.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// The delimiter of a file: the one that makes the most known cells of its first line.
pub(super) fn delimiter(text: &str, is_known: impl Fn(&str) -> bool) -> char {
    let line = text.lines().next().unwrap_or_default();
    let known = |delimiter: char| {
        let cells = line.split(delimiter).map(|cell| cell.trim().trim_matches('"'));
        (cells.filter(|cell| is_known(cell)).count(), line.matches(delimiter).count())
    };
    // The first of equals: `max_by_key` takes the last.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| known(*delimiter)).unwrap_or(',')
}

/// A text that is being taken apart.
pub(super) struct Cells<'t> {
    text: &'t str,
    at: usize,
    delimiter: char,
}

/// What follows a cell.
enum Next {
    Cell,
    Row,
    End,
}

impl<'t> Cells<'t> {
    pub(super) fn new(text: &'t str, begin: usize, delimiter: char) -> Self {
        Self { text, at: begin, delimiter }
    }

    /// Every row that has anything in it. A row with a problem is left out, or ends the list where nobody
    /// can tell how it goes on.
    pub(super) fn rows(mut self, problems: &mut Problems) -> Vec<Vec<Placed<String>>> {
        let mut rows = Vec::new();
        while self.at < self.text.len() {
            let (mut row, mut is_good) = (Vec::new(), true);
            let next = loop {
                let at = self.at;
                match self.cell() {
                    Ok((value, next)) => {
                        row.push(Placed { at, value });
                        if !matches!(next, Next::Cell) {
                            break next;
                        }
                    }
                    Err(reason) => {
                        let hint = "a text with a quote in it stands in quotes, with that quote written twice: \"a\"\"b\"";
                        problems.add_with_hint(at, reason, hint);
                        is_good = false;
                        break self.skip_row();
                    }
                }
            };
            if is_good && row.iter().any(|cell| !cell.value.trim().is_empty()) {
                rows.push(row);
            }
            if matches!(next, Next::End) {
                break;
            }
        }
        rows
    }

    /// The cell that begins here, as it stands in the file, without the quotes around it.
    fn cell(&mut self) -> Result<(String, Next), &'static str> {
        let rest = &self.text[self.at..];
        let Some(mut inside) = rest.strip_prefix('"') else {
            let end = rest.find([self.delimiter, '\n']).unwrap_or(rest.len());
            let value = rest[..end].strip_suffix('\r').filter(|_| !rest[end..].starts_with(self.delimiter));
            let value = value.unwrap_or(&rest[..end]).to_owned();
            return Ok((value, self.step_over(self.at + end)));
        };
        let mut value = String::new();
        loop {
            let end = inside.find(['"', '\n']).ok_or("the quote that begins here is never closed")?;
            value.push_str(&inside[..end]);
            let (found, after) = inside[end..].split_at(1);
            if found == "\n" {
                return Err("the quote that begins here is not closed on its line");
            }
            match after.strip_prefix('"') {
                Some(after) => {
                    value.push('"');
                    inside = after;
                }
                None => {
                    let padding = after.len() - after.trim_start_matches([' ', '\r']).len();
                    let end = self.text.len() - after.len() + padding;
                    if !self.text[end..].is_empty() && !self.text[end..].starts_with([self.delimiter, '\n']) {
                        return Err("the quotes that begin here end before their cell does");
                    }
                    return Ok((value, self.step_over(end)));
                }
            }
        }
    }

    /// Goes on behind what stands at `end`: a delimiter, a line's end, or nothing.
    fn step_over(&mut self, end: usize) -> Next {
        let after = self.text[end..].chars().next();
        self.at = end + after.map_or(0, char::len_utf8);
        match after {
            Some('\n') => Next::Row,
            Some(_) => Next::Cell,
            None => Next::End,
        }
    }

    fn skip_row(&mut self) -> Next {
        let end = self.text[self.at..].find('\n').map_or(self.text.len(), |length| self.at + length);
        self.step_over(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, delimiter: char) -> (Vec<Vec<(usize, String)>>, String) {
        let mut problems = Problems::new("list.csv", text);
        let rows = Cells::new(text, 0, delimiter).rows(&mut problems);
        let plain = |row: Vec<Placed<String>>| row.into_iter().map(|cell| (cell.at, cell.value)).collect();
        (rows.into_iter().map(plain).collect(), problems.to_string())
    }

    #[test]
    fn cells_are_taken_as_they_stand_each_with_its_place() {
        for (text, expected) in [
            ("a,b\r\nc,\"d,\"\"e\"\"\"\n", vec![vec![(0, "a"), (2, "b")], vec![(5, "c"), (7, "d,\"e\"")]]),
            ("a\n\n , \n\"\",x", vec![vec![(0, "a")], vec![(7, ""), (10, "x")]]),
            (" a ,p\"w\"", vec![vec![(0, " a "), (4, "p\"w\"")]]),
            ("\"a\" ,b", vec![vec![(0, "a"), (5, "b")]]),
            ("ü,\"ß\"", vec![vec![(0, "ü"), (3, "ß")]]),
            ("a,", vec![vec![(0, "a"), (2, "")]]),
            ("a,\n", vec![vec![(0, "a"), (2, "")]]),
            ("", vec![]),
        ] {
            let (rows, _) = read(text, ',');
            let rows: Vec<Vec<(usize, &str)>> =
                rows.iter().map(|row| row.iter().map(|(at, text)| (*at, text.as_str())).collect()).collect();
            assert_eq!(rows, expected, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_its_own_row_alone() {
        let (rows, problems) = read("a,b\nc,\"pass\nd,e\nf,\"g\"h\ni,\"", ',');
        assert_eq!(rows.len(), 2, "{rows:?}");
        insta::assert_snapshot!(problems, @r#"
        list.csv:2:3: the quote that begins here is not closed on its line
            hint: a text with a quote in it stands in quotes, with that quote written twice: "a""b"
        list.csv:4:3: the quotes that begin here end before their cell does
            hint: a text with a quote in it stands in quotes, with that quote written twice: "a""b"
        list.csv:5:3: the quote that begins here is never closed
            hint: a text with a quote in it stands in quotes, with that quote written twice: "a""b"
        3 errors in list.csv; nothing was applied
        "#);
        assert!(!problems.contains("pass"));
    }

    #[test]
    fn the_delimiter_is_the_one_between_known_names() {
        let is_known = |cell: &str| ["host", "user", "owners"].contains(&cell);
        for (line, expected) in [
            ("host,user", ','),
            ("\"host\";\"user, or mail\";owners", ';'),
            ("host\tuser;mail", '\t'),
            ("host", ','),
            ("a;b;c", ';'),
        ] {
            assert_eq!(delimiter(line, is_known), expected, "{line}");
        }
    }
}
