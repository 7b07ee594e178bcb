//! Breaking text into lines by the width of its characters.

use super::words::{columns, width};

/// Punctuation that does not begin a line.
const CLOSING: &str = "，。、；：！？）》」』】〕”’…";

/// A text in lines of at most `most` columns (at least 2): broken between Chinese characters and
/// at spaces, inside a word only where the word alone is too long. An empty text is no line.
///
/// Invariant: no line is wider than the paper; proved by
/// `no_text_ever_runs_over_the_edge_of_the_paper`.
pub fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        let wide = columns(piece);
        if columns(&line) + wide <= most {
            if !(piece == " " && line.is_empty()) {
                line.push_str(piece);
            }
            continue;
        }
        if piece == " " {
            end(&mut lines, &mut line, "");
            continue;
        }
        let carried = carried(&line, piece);
        end(&mut lines, &mut line, &carried);
        if columns(&line) + wide <= most {
            line.push_str(piece);
        } else {
            hard(&mut lines, &mut line, piece, most);
        }
    }
    end(&mut lines, &mut line, "");
    lines
}

/// Ends a line without the spaces at its end, but for what goes on to the next one.
fn end(lines: &mut Vec<String>, line: &mut String, carried: &str) {
    let kept = line[..line.len() - carried.len()].trim_end();
    if !kept.is_empty() {
        lines.push(kept.to_owned());
    }
    *line = carried.to_owned();
}

/// The last character of a line, where the next one must not begin a line of its own.
fn carried(line: &str, next: &str) -> String {
    let closes = |c: char| CLOSING.contains(c);
    let mut before = line.chars().rev();
    match (before.next(), before.next()) {
        (Some(last), Some(_)) if next.chars().all(closes) && width(last) == 2 && !closes(last) => {
            last.to_string()
        }
        _ => String::new(),
    }
}

/// A word longer than a line, cut where the line ends.
fn hard(lines: &mut Vec<String>, line: &mut String, word: &str, most: usize) {
    for character in word.chars() {
        if columns(line) + width(character) > most {
            end(lines, line, "");
        }
        line.push(character);
    }
}

/// Words of one-column characters, spaces, and single wide characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = if first == ' ' || width(first) == 2 {
            first.len_utf8()
        } else {
            rest.find(|c: char| c == ' ' || width(c) == 2).unwrap_or(rest.len())
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

/// A name at the left and its value at the right: on one line where both fit, else the value
/// broken beside its name, or beneath it where that keeps a long number whole.
pub fn pair(name: &str, value: &str, most: usize) -> Vec<String> {
    let left = columns(name);
    let right = |text: &str, before: usize| {
        format!("{}{text}", " ".repeat(most.saturating_sub(before + columns(text))))
    };
    let beside = most.saturating_sub(left + 1);
    let fits = columns(value) <= beside;
    let longest = pieces(value).map(columns).max().unwrap_or_default();
    let whole = longest <= beside || longest > most;
    if left < most && (fits || whole && beside >= most / 2) {
        let mut values = wrap(value, beside.max(2)).into_iter();
        let first = right(&values.next().unwrap_or_default(), left);
        let lines = std::iter::once(format!("{name}{first}").trim_end().to_owned());
        return lines.chain(values.map(|text| right(&text, 0))).collect();
    }
    let names = wrap(name, most).into_iter();
    names.chain(wrap(value, most).iter().map(|text| right(text, 0))).collect()
}
