//! What stands where in a RON or JSON text: its fields, their values and their places.
//!
//! Apart because the parsers tell only where they stopped. The outline turns that place into
//! a field's path, and a field's path into a place; it also sees what must be refused before
//! a parser runs: brackets nested too deep and numbers that are not finite. It never fails on
//! a malformed text. Deliberately absent: the values' meaning.

use std::iter;
use std::ops::Range;

use super::{MAX_DEPTH, Place, TextFault};

/// The fields and values of a text, in the order in which they start.
pub(super) struct Outline<'t> {
    text: &'t str,
    entries: Vec<Entry>,
    /// Where brackets open that nothing closes, innermost last.
    unclosed: Vec<usize>,
}

/// A field or an item with its value.
struct Entry {
    parent: Option<usize>,
    segment: Segment,
    value: Range<usize>,
}

/// What an entry adds to the path of the one around it.
enum Segment {
    /// A field's name, or a map's key.
    Key(Range<usize>),
    /// A place in a list.
    Item(usize),
    /// Nothing: the root, or what stands in a variant's or tuple's parentheses.
    Inner,
}

/// An open bracket.
struct Frame {
    opened: u8,
    at: usize,
    /// The entry whose value the bracket is.
    entry: Option<usize>,
    /// The entry that is being read.
    current: Option<usize>,
    items: usize,
}

impl<'t> Outline<'t> {
    /// The outline of `text`, or why no parser should see it.
    pub(super) fn of(text: &'t str) -> Result<Self, TextFault> {
        let mut scan = Scan {
            outline: Outline {
                text,
                entries: Vec::new(),
                unclosed: Vec::new(),
            },
            frames: vec![Frame::new(0, 0, None)],
            not_finite: None,
        };
        let mut at = 0;
        while let Some((token, end)) = Token::next(text, at) {
            scan.token(token, at..end)?;
            at = end;
        }
        let Scan {
            mut outline,
            frames,
            not_finite,
        } = scan;
        if let Some(span) = not_finite {
            let found = &text[span.clone()];
            return Err(TextFault {
                path: outline.path_at(span.start),
                message: format!("{found} is not finite, allowed are finite numbers"),
                place: Place::of(text, span),
                help: None,
            });
        }
        outline.unclosed = frames.iter().skip(1).map(|frame| frame.at).collect();
        Ok(outline)
    }

    /// The text itself.
    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The innermost bracket that nothing closes.
    pub(super) fn unclosed(&self) -> Option<usize> {
        self.unclosed.last().copied()
    }

    /// The path of the innermost field at a byte of the text.
    pub(super) fn path_at(&self, at: usize) -> String {
        self.innermost(at)
            .map_or_else(String::new, |entry| self.path(entry))
    }

    /// The bytes of the innermost value at a byte of the text.
    pub(super) fn value_at(&self, at: usize) -> Option<Range<usize>> {
        let entry = self.innermost(at)?;
        let value = &self.entries[entry].value;
        value.contains(&at).then(|| value.clone())
    }

    /// The path around the field whose name stands at a byte of the text.
    pub(super) fn section_at(&self, at: usize) -> String {
        let parent = self
            .innermost(at)
            .and_then(|entry| self.entries[entry].parent);
        parent.map_or_else(String::new, |entry| self.path(entry))
    }

    /// The place of the value at `path`, or of the nearest section around it.
    pub(super) fn place_of(&self, path: &str) -> Place {
        let around = iter::successors(Some(path), |path| {
            path.rfind(['.', '[']).map(|cut| &path[..cut])
        });
        let found = around
            .filter_map(|path| (0..self.entries.len()).find(|&entry| self.path(entry) == path))
            .next();
        match found.map(|entry| &self.entries[entry]) {
            Some(entry) => Place::of(self.text, entry.start()..entry.value.end),
            None => Place::of(self.text, 0..0),
        }
    }

    /// Entries start in order and enclose one another, so the last that holds it is innermost.
    fn innermost(&self, at: usize) -> Option<usize> {
        let holds = |entry: &Entry| (entry.start()..entry.value.end).contains(&at);
        self.entries.iter().rposition(holds)
    }

    fn path(&self, entry: usize) -> String {
        let chain: Vec<_> = iter::successors(Some(entry), |&at| self.entries[at].parent).collect();
        let mut path = String::new();
        for entry in chain.into_iter().rev() {
            match &self.entries[entry].segment {
                Segment::Key(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(self.text[name.clone()].trim_matches('"'));
                }
                Segment::Item(index) => path.push_str(&format!("[{index}]")),
                Segment::Inner => {}
            }
        }
        path
    }
}

impl Entry {
    /// Where it starts: at its name if it has one.
    fn start(&self) -> usize {
        match &self.segment {
            Segment::Key(name) => name.start,
            Segment::Item(_) | Segment::Inner => self.value.start,
        }
    }
}

impl Frame {
    fn new(opened: u8, at: usize, entry: Option<usize>) -> Self {
        Self {
            opened,
            at,
            entry,
            current: None,
            items: 0,
        }
    }
}

/// An outline in the making.
struct Scan<'t> {
    outline: Outline<'t>,
    /// Never empty: the first stands for the whole text.
    frames: Vec<Frame>,
    /// The first number that is not finite.
    not_finite: Option<Range<usize>>,
}

impl Scan<'_> {
    fn token(&mut self, token: Token, span: Range<usize>) -> Result<(), TextFault> {
        match token {
            Token::Space => {}
            Token::Quoted => self.part(span),
            Token::Word => {
                if self.not_finite.is_none() && is_not_finite(&self.outline.text[span.clone()]) {
                    self.not_finite = Some(span.clone());
                }
                self.part(span);
            }
            Token::Open(bracket) => {
                if self.frames.len() > MAX_DEPTH {
                    return Err(TextFault {
                        path: String::new(),
                        place: Place::of(self.outline.text, span),
                        message: format!("brackets nest deeper than {MAX_DEPTH}"),
                        help: None,
                    });
                }
                let at = span.start;
                self.part(span);
                let entry = self.frame().current;
                self.frames.push(Frame::new(bracket, at, entry));
            }
            Token::Close(bracket) => {
                if self.frames.len() > 1 && self.frame().opened == bracket {
                    self.frames.pop();
                    self.part(span);
                }
            }
            Token::Colon => self.colon(span),
            Token::Comma => {
                let frame = self.frame();
                frame.current = None;
                frame.items += 1;
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames
            .last_mut()
            .expect("the whole text's frame stays")
    }

    /// A token that is part of a name or a value: starts an entry or makes it longer.
    fn part(&mut self, span: Range<usize>) {
        let next = self.outline.entries.len();
        let frame = self.frame();
        if let Some(entry) = frame.current {
            let value = &mut self.outline.entries[entry].value;
            // Nothing was read since the colon.
            if value.start == value.end {
                value.start = span.start;
            }
            value.end = span.end;
            return;
        }
        frame.current = Some(next);
        let segment = match frame.opened {
            b'[' => Segment::Item(frame.items),
            _ => Segment::Inner,
        };
        let parent = frame.entry;
        self.outline.entries.push(Entry {
            parent,
            segment,
            value: span,
        });
    }

    /// What was read of the entry was its name; its value follows.
    fn colon(&mut self, span: Range<usize>) {
        let Some(current) = self.frame().current else {
            return;
        };
        let entry = &mut self.outline.entries[current];
        if self.not_finite.as_ref() == Some(&entry.value) {
            self.not_finite = None;
        }
        if !matches!(entry.segment, Segment::Key(_)) {
            let name = entry.value.clone();
            entry.segment = Segment::Key(name);
            entry.value = span.end..span.end;
        }
    }
}

/// Whether a word is a number beyond all bounds, or none: `1e999`, `-inf`, `NaN`.
fn is_not_finite(word: &str) -> bool {
    let word = word.trim_start_matches(['+', '-']);
    let word = word
        .strip_suffix("f64")
        .or(word.strip_suffix("f32"))
        .unwrap_or(word);
    if matches!(word, "inf" | "NaN") {
        return true;
    }
    let is_number = word.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    is_number
        && word
            .replace('_', "")
            .parse::<f64>()
            .is_ok_and(f64::is_infinite)
}

/// What a text is made of, as far as an outline cares.
enum Token {
    /// White space or a comment.
    Space,
    /// A string or a character.
    Quoted,
    /// A name or a number.
    Word,
    Open(u8),
    /// With the bracket that it closes.
    Close(u8),
    Colon,
    Comma,
}

impl Token {
    /// The token that starts at `at`, and where it ends; `None` at the end of the text.
    fn next(text: &str, at: usize) -> Option<(Self, usize)> {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let (token, length) = match first {
            '(' | '[' | '{' => (Self::Open(first as u8), 1),
            ')' => (Self::Close(b'('), 1),
            ']' => (Self::Close(b'['), 1),
            '}' => (Self::Close(b'{'), 1),
            ':' => (Self::Colon, 1),
            ',' => (Self::Comma, 1),
            '"' => (Self::Quoted, quoted_length(rest)),
            '\'' => (Self::Quoted, character_length(rest)),
            '/' if rest.starts_with("//") => (Self::Space, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (Self::Space, comment_length(rest)),
            _ if first.is_whitespace() => (Self::Space, first.len_utf8()),
            _ => match raw_string_length(rest) {
                Some(length) => (Self::Quoted, length),
                None => (Self::Word, word_length(rest)),
            },
        };
        Some((token, at + length))
    }
}

/// Up to the closing quote, or to the end where there is none.
fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    let closing = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(text.len(), |position| position + 2)
}

/// `'x'`, `'\''`, `'\u{1F980}'`; a lone quote is one byte long.
fn character_length(text: &str) -> usize {
    let mut inner = text[1..].char_indices();
    let Some((_, first)) = inner.next() else {
        return 1;
    };
    let after = if first == '\\' {
        3
    } else {
        1 + first.len_utf8()
    };
    match text.get(after..).and_then(|rest| rest.find('\'')) {
        Some(0) => after + 1,
        // The longest escape, `\u{10FFFF}`, has ten characters.
        Some(more) if first == '\\' && more <= 10 => after + more + 1,
        _ => 1,
    }
}

/// A block comment with those inside it, or to the end where it is not closed.
fn comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = text[at..].find(['/', '*']) {
        at += found;
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`, `b"…"`, or to the end where it is not closed.
fn raw_string_length(text: &str) -> Option<usize> {
    let after = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - after.len();
    let Some(hashes_on) = after.strip_prefix('r') else {
        return (prefix > 0 && after.starts_with('"')).then(|| prefix + quoted_length(after));
    };
    let body = hashes_on.trim_start_matches('#');
    let hashes = hashes_on.len() - body.len();
    let body = body.strip_prefix('"')?;
    let start = text.len() - body.len();
    let closing = format!("\"{}", "#".repeat(hashes));
    let length = body
        .find(&closing)
        .map_or(body.len(), |found| found + closing.len());
    Some(start + length)
}

/// Up to white space, a bracket, a quote or a separator; at least one character.
fn word_length(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || "()[]{}:,\"'/".contains(c);
    let first = text.chars().next().map_or(0, char::len_utf8);
    text[first..]
        .find(ends)
        .map_or(text.len(), |found| first + found)
}
