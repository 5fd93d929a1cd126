//! The tokens of RON and JSON, as coarse as an outline needs them.
//!
//! Apart because how strings and comments end is nothing an outline should think of. It takes
//! any text: what is not closed reaches to the end. Deliberately absent: what words mean.

/// What a text is made of, as far as an outline cares.
pub(super) enum Token {
    /// White space or a comment.
    Space,
    /// A string or a character.
    Quoted,
    /// A name or a number.
    Word,
    /// An opening bracket.
    Open(u8),
    /// A closing bracket, with the one that it closes.
    Close(u8),
    /// After a name.
    Colon,
    /// After a value.
    Comma,
}

impl Token {
    /// The token that starts at `at`, and where it ends; `None` at the end of the text.
    pub(super) fn next(text: &str, at: usize) -> Option<(Self, usize)> {
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
