//! What stands where in a RON or JSON text: its fields, their values and their places.
//!
//! Apart because the parsers tell only where they stopped. The outline turns that place into
//! a field's path, and a field's path into a place; it also sees what must be refused before
//! a parser runs: brackets nested too deep and numbers that are not finite. It never fails on
//! a malformed text. Deliberately absent: the values' meaning.

use std::iter;
use std::ops::Range;

use super::token::Token;
use super::{MAX_DEPTH, Place, TextFault};

/// The fields and values of a text, in the order in which they start.
pub(super) struct Outline<'t> {
    text: &'t str,
    entries: Vec<Entry>,
    /// Where brackets open that nothing closes, innermost last.
    unclosed: Vec<usize>,
}

/// A field or an item with its value.
pub(super) struct Entry {
    parent: Option<usize>,
    pub(super) segment: Segment,
    pub(super) value: Range<usize>,
}

/// What an entry adds to the path of the one around it.
pub(super) enum Segment {
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

    /// Whether there is an entry at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        (0..self.entries.len()).any(|entry| self.path(entry) == path)
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An entry by its place; the first is the whole value.
    pub(super) fn entry(&self, at: usize) -> &Entry {
        &self.entries[at]
    }

    /// The entries directly within an entry, in order.
    pub(super) fn children_of(&self, parent: usize) -> impl Iterator<Item = usize> + '_ {
        let own = move |&at: &usize| self.entries[at].parent == Some(parent);
        (0..self.entries.len()).filter(own)
    }

    /// The name of an entry that is a field.
    pub(super) fn key(&self, at: usize) -> Option<&'t str> {
        match &self.entries[at].segment {
            Segment::Key(name) => Some(self.text[name.clone()].trim_matches('"')),
            Segment::Item(_) | Segment::Inner => None,
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
                        help: Some("see whether brackets were left open before it".to_owned()),
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
