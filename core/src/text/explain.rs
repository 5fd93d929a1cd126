//! The parsers' errors in the project's words: field, found, allowed, remedy, place.
//!
//! Apart because it is the only code that knows how `ron` and `serde_json` report.

use std::ops::Range;

use super::outline::Outline;
use super::{Place, TextFault, closest};

/// An error of the `ron` parser.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most of the parser's errors are told alike, and it may gain new ones"
)]
pub(super) fn ron(outline: &Outline<'_>, error: &ron::error::SpannedError) -> TextFault {
    use ron::error::Error;

    let at = cause_of(outline.text(), error);
    match &error.code {
        Error::NoSuchStructField {
            expected, found, ..
        } => unknown(outline, at, Unknown::Field, found, expected),
        Error::NoSuchEnumVariant {
            expected, found, ..
        } => unknown(outline, at, Unknown::Variant, found, expected),
        Error::MissingStructField { field, .. } => missing(outline, at, field),
        Error::DuplicateStructField { field, .. } => twice(outline, at, field),
        Error::InvalidValueForType { expected, .. } => {
            wrong_value(outline, at, in_words(expected, FIELDS_OF_RON))
        }
        Error::ExpectedInteger | Error::IntegerOutOfBounds | Error::InvalidIntegerDigit { .. } => {
            wrong_value(outline, at, WHOLE_NUMBER)
        }
        Error::ExpectedFloat => wrong_value(outline, at, "a number"),
        Error::ExpectedBoolean => wrong_value(outline, at, "true or false"),
        Error::ExpectedString => wrong_value(outline, at, "text in quotes"),
        Error::ExpectedArray => wrong_value(outline, at, "a list in [ ]"),
        Error::ExpectedMap => wrong_value(outline, at, "a map in { }"),
        Error::ExpectedStructLike | Error::ExpectedNamedStructLike(_) => {
            match outline.text()[at..].starts_with(char::is_alphabetic) {
                true => wrong_value(outline, at, "( ) with more after it"),
                false => wrong_value(outline, at, FIELDS_OF_RON),
            }
        }
        Error::ExpectedIdentifier => wrong_value(outline, at, "a word"),
        Error::InvalidIdentifier(word) | Error::SuggestRawIdentifier(word) => {
            match word.starts_with(|first: char| first.is_alphabetic()) {
                true => broken(
                    outline,
                    at,
                    &format!("{word} is no name, names are of letters, digits and _"),
                ),
                false => wrong_value(outline, at, "a word"),
            }
        }
        // A number was read up to its point, where a whole one was wanted.
        Error::ExpectedComma if is_inside_number(outline, at) => {
            wrong_value(outline, at, WHOLE_NUMBER)
        }
        Error::Message(message) => said(outline, at, message),
        Error::ExpectedDifferentStructName { found, .. } => match text_after(outline, at, found) {
            Some(':') => without_brackets(outline, at),
            _ => wrong_value(outline, at, FIELDS_OF_RON),
        },
        code => broken(outline, at, &lower_case(&code.to_string())),
    }
}

/// A word in quotes where a bare one belongs, and the text with spaces for its quotes.
pub(super) fn without_quotes<'a>(
    outline: &Outline<'a>,
    error: &ron::error::SpannedError,
) -> Option<(&'a str, String)> {
    if error.code != ron::error::Error::ExpectedIdentifier {
        return None;
    }
    let text = outline.text();
    let value = outline.value_at(cause_of(text, error))?;
    let word = text[value.clone()].strip_prefix('"')?.strip_suffix('"')?;
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let bare = || format!("{} {word} {}", &text[..value.start], &text[value.end..]);
    is_word.then(|| (word, bare()))
}

/// What is wrong with `text`, if that is a word that is none of those allowed.
pub(super) fn unknown_variant(text: &str, error: &ron::error::SpannedError) -> Option<TextFault> {
    let outline = Outline::of(text).ok()?;
    let is_unknown = matches!(error.code, ron::error::Error::NoSuchEnumVariant { .. });
    is_unknown.then(|| ron(&outline, error))
}

/// The first letter after the word `found`, which stands at a byte.
fn text_after(outline: &Outline<'_>, at: usize, found: &str) -> Option<char> {
    let after = outline.text().get(at + found.len()..)?;
    after.trim_start().chars().next()
}

/// A field where the brackets around all fields should open.
fn without_brackets(outline: &Outline<'_>, at: usize) -> TextFault {
    TextFault {
        path: String::new(),
        place: word_at(outline.text(), at),
        message: "fields stand without ( ) around them".to_owned(),
        help: Some("wrap it all in ( )".to_owned()),
    }
}

/// An error of the `serde_json` parser, which keeps what it knows in its text.
pub(super) fn json(outline: &Outline<'_>, error: &serde_json::Error) -> TextFault {
    let at = last_read(outline.text(), error.line(), error.column());
    let text = error.to_string();
    let message = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    if !error.is_data() {
        return broken(outline, at, message);
    }
    let names: Vec<_> = message.split('`').skip(1).step_by(2).collect();
    match (message.split_once(", expected "), names.as_slice()) {
        (_, [found, expected @ ..]) if message.starts_with("unknown field") => {
            unknown(outline, at, Unknown::Field, found, expected)
        }
        (_, [found, expected @ ..]) if message.starts_with("unknown variant") => {
            unknown(outline, at, Unknown::Variant, found, expected)
        }
        (_, [field]) if message.starts_with("missing field") => missing(outline, at, field),
        (_, [field]) if message.starts_with("duplicate field") => twice(outline, at, field),
        (Some((_, expected)), _) if message.starts_with("invalid") => {
            wrong_value(outline, at, in_words(expected, FIELDS_OF_JSON))
        }
        _ => said(outline, at, message),
    }
}

/// What serde calls a whole number of any width; [`whole_number`] says which are left.
const WHOLE_NUMBER: &str = "a whole number";
const FIELDS_OF_RON: &str = "fields in ( )";
const FIELDS_OF_JSON: &str = "fields in { }";

/// What serde calls a type, in words.
fn in_words<'a>(expected: &'a str, fields: &'static str) -> &'a str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "usize" => WHOLE_NUMBER,
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        _ if expected.starts_with("struct ") => fields,
        _ => expected,
    }
}

/// Names that a type does not have.
#[derive(Clone, Copy)]
enum Unknown {
    Field,
    Variant,
}

/// What a whole number may be that `found` is not. The parser does not say how wide it is: what fits
/// 64 bits and is refused was meant to have 32, the other width that is in use.
fn whole_number(found: &str) -> String {
    let digits = found.trim_start_matches(['-', '+']).replace('_', "");
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2), ("", 10)];
    let based = |(prefix, base)| Some((digits.strip_prefix(prefix)?, base));
    let (digits, base) = prefixes.into_iter().find_map(based).expect("one is empty");
    let is_whole = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base));
    match u64::from_str_radix(digits, base) {
        _ if !is_whole => WHOLE_NUMBER.to_owned(),
        _ if found.starts_with('-') => format!("{WHOLE_NUMBER} from 0 on"),
        Ok(_) => format!("{WHOLE_NUMBER} up to {}", u32::MAX),
        Err(_) => format!("{WHOLE_NUMBER} up to {}", u64::MAX),
    }
}

fn unknown(
    outline: &Outline<'_>,
    at: usize,
    what: Unknown,
    found: &str,
    expected: &[&str],
) -> TextFault {
    let (noun, path) = match what {
        Unknown::Field => ("field", outline.section_at(at)),
        // In JSON a variant with content is the name of a field: not part of the path.
        Unknown::Variant if outline.path_at(at).ends_with(&format!(".{found}")) => {
            ("variant", outline.section_at(at))
        }
        Unknown::Variant => ("variant", outline.path_at(at)),
    };
    let section = if path.is_empty() {
        String::new()
    } else {
        format!(" in {path}")
    };
    let help = match meant(found, expected) {
        Some(meant) => meant,
        None if expected.is_empty() => format!("there are no {noun}s"),
        None => format!("allowed are {}", expected.join(", ")),
    };
    TextFault {
        path,
        place: word_at(outline.text(), at),
        message: format!("unknown {noun} {found}{section}"),
        help: Some(help),
    }
}

/// Units that people end a field's name with.
const UNITS: [&str; 8] = [
    "_seconds", "_secs", "_sec", "_s", "_minutes", "_min", "_millis", "_ms",
];

/// What was meant by `found`, if anything comes close, and where its unit belongs if it names one.
fn meant(found: &str, expected: &[&str]) -> Option<String> {
    let unit = UNITS.into_iter().find(|unit| found.ends_with(unit));
    let bare = unit.and_then(|unit| found.strip_suffix(unit));
    let is_bare = |name: &&str| Some(name.strip_suffix("_ms").unwrap_or(name)) == bare;
    let names = || expected.iter().copied();
    let meant = names().find(is_bare).or_else(|| closest(found, names()))?;
    Some(match (unit, meant.ends_with("_ms")) {
        (None, _) | (Some("_ms"), true) => format!("did you mean {meant}?"),
        (Some(_), true) => format!("did you mean {meant}, in milliseconds?"),
        (Some(_), false) => format!("did you mean {meant}, with the unit in the value?"),
    })
}

fn missing(outline: &Outline<'_>, at: usize, field: &str) -> TextFault {
    let path = outline.path_at(at);
    let section = if path.is_empty() {
        String::new()
    } else {
        format!(" in {path}")
    };
    let section_start = outline.value_at(at).map_or(at, |value| value.start);
    TextFault {
        place: byte(outline.text(), section_start),
        message: format!("field {field} is missing{section}"),
        path: format!("{path}.{field}").trim_start_matches('.').to_owned(),
        help: None,
    }
}

fn twice(outline: &Outline<'_>, at: usize, field: &str) -> TextFault {
    TextFault {
        path: outline.path_at(at),
        place: word_at(outline.text(), at),
        message: format!("field {field} is given twice"),
        help: Some("keep one of them".to_owned()),
    }
}

fn wrong_value(outline: &Outline<'_>, at: usize, expected: &str) -> TextFault {
    let text = outline.text();
    let before = text[..at].trim_end();
    if text[at..].starts_with(':') && before.ends_with(is_of_a_name) {
        return named_in_vain(outline, before.len() - 1);
    }
    let path = outline.path_at(at);
    let place = value_or_byte(outline, at);
    let found = &outline.text()[place.span.clone()];
    let expected = match expected {
        WHOLE_NUMBER => whole_number(found),
        other => other.to_owned(),
    };
    let found = shortened(found);
    let message = match (path.as_str(), found.as_str()) {
        ("", "") => format!("expected {expected}"),
        ("", found) => format!("found {found}, expected {expected}"),
        (path, "") => format!("{path} is empty, expected {expected}"),
        (path, found) => format!("{path} is {found}, expected {expected}"),
    };
    TextFault {
        path,
        place,
        message,
        help: None,
    }
}

/// A field where a value stands without a name.
fn named_in_vain(outline: &Outline<'_>, at: usize) -> TextFault {
    let place = word_at(outline.text(), at);
    let name = &outline.text()[place.span.clone()];
    let path = outline.section_at(at);
    let section = if path.is_empty() {
        String::new()
    } else {
        format!("{path}: ")
    };
    TextFault {
        message: format!("{section}no field belongs here, found {name}"),
        path,
        place,
        help: Some("write its value alone".to_owned()),
    }
}

/// A type's own words on its value.
fn said(outline: &Outline<'_>, at: usize, message: &str) -> TextFault {
    let path = outline.path_at(at);
    let message = match path.as_str() {
        "" => message.to_owned(),
        path => format!("{path}: {message}"),
    };
    TextFault {
        path,
        place: value_or_byte(outline, at),
        message,
        help: None,
    }
}

/// The text itself is malformed.
fn broken(outline: &Outline<'_>, at: usize, message: &str) -> TextFault {
    let text = outline.text();
    let help = outline.unclosed().map(|opened| {
        let Place { line, column, span } = Place::of(text, opened..opened + 1);
        let bracket = &text[span];
        format!("the {bracket} on line {line}, column {column} is not closed")
    });
    TextFault {
        // No field's: what its value may be is no help.
        path: String::new(),
        place: byte(text, at),
        message: message.to_owned(),
        help,
    }
}

/// The byte that an error of `ron` is about: its span may start with white space, and a bare
/// word of the wrong type is refused only once it was read.
fn cause_of(text: &str, error: &ron::error::SpannedError) -> usize {
    let start = offset(text, error.span.start);
    let stretch = &text[start..offset(text, error.span.end).max(start)];
    let at = start + (stretch.len() - stretch.trim_start().len());
    let is_about_value = matches!(
        error.code,
        ron::Error::InvalidValueForType { .. }
            | ron::Error::Message(_)
            | ron::Error::ExpectedStructLike
    );
    let before = text[..at].trim_end();
    match before.chars().next_back() {
        Some(last)
            if is_about_value
                && text[at..].starts_with([',', ')', ']', '}'])
                && last.is_alphanumeric() =>
        {
            before.len() - last.len_utf8()
        }
        _ => at,
    }
}

/// The byte at a position of `ron`, which counts columns in characters.
fn offset(text: &str, position: ron::error::Position) -> usize {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(position.line - 1).map(str::len).sum();
    let columns = lines.next().unwrap_or("").chars().take(position.col - 1);
    before + columns.map(char::len_utf8).sum::<usize>()
}

/// The byte that `serde_json` read last; it counts columns in bytes.
fn last_read(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    text.floor_char_boundary((before + column).saturating_sub(1))
}

fn is_inside_number(outline: &Outline<'_>, at: usize) -> bool {
    let text = outline.text();
    let value = outline
        .value_at(at)
        .map(|value| (&text[value.clone()], value.start < at));
    value.is_some_and(|(value, inside)| inside && value.parse::<f64>().is_ok())
}

/// The innermost value at a byte; the byte itself where there is none, or where the value is
/// so long that pointing at all of it helps nobody.
fn value_or_byte(outline: &Outline<'_>, at: usize) -> Place {
    let text = outline.text();
    match outline.value_at(at) {
        Some(value) if !text[value.clone()].contains('\n') => Place::of(text, value),
        _ => byte(text, at),
    }
}

fn byte(text: &str, at: usize) -> Place {
    let length = text.get(at..).and_then(|rest| rest.chars().next());
    Place::of(text, at..at + length.map_or(0, char::len_utf8))
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// The name, quoted or not, around a byte.
fn word_at(text: &str, at: usize) -> Place {
    let is_part = |c: &char| is_of_a_name(*c);
    let length = |chars: &mut dyn Iterator<Item = char>| -> usize {
        chars.take_while(is_part).map(char::len_utf8).sum()
    };
    // A quoted name's error points at the quote that ends it.
    let at = if text[at..].starts_with('"') && at > 0 && length(&mut text[..at].chars().rev()) > 0 {
        at - 1
    } else {
        at
    };
    let at = text.floor_char_boundary(at);
    let span: Range<usize> =
        at - length(&mut text[..at].chars().rev())..at + length(&mut text[at..].chars());
    Place::of(text, span)
}

/// Long values are cut: the place shows the rest.
fn shortened(value: &str) -> String {
    const MOST: usize = 40;
    let line = value.lines().next().unwrap_or("");
    match line.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_owned(),
    }
}

fn lower_case(message: &str) -> String {
    let mut chars = message.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
