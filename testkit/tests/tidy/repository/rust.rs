//! Just enough of Rust's lexical grammar to tell code from text and comments.

/// What a stretch of a Rust file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Everything that is neither text nor comment.
    Code,
    /// The inside of a string, byte string or character, raw ones too.
    Text,
    /// A comment, documentation too.
    Comment,
}

/// A stretch of a Rust file.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// What it is.
    pub(crate) kind: Kind,
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    /// Its characters.
    pub(crate) text: String,
}

/// A Rust file in stretches.
pub(crate) fn stretches(source: &str) -> Vec<Stretch> {
    let (mut found, mut rest, mut line) = (Vec::new(), source, 1);
    let mut code = Stretch { kind: Kind::Code, line, text: String::new() };
    while let Some(first) = rest.chars().next() {
        let (kind, length) = begins(rest, code.text.chars().last());
        let (taken, after) = rest.split_at(length.max(first.len_utf8()));
        if kind == Kind::Code {
            code.text.push_str(taken);
        } else {
            let next = Stretch { kind, line, text: taken.to_owned() };
            let after_it = line + taken.matches('\n').count();
            let empty = Stretch { kind: Kind::Code, line: after_it, text: String::new() };
            found.push(std::mem::replace(&mut code, empty));
            found.push(next);
        }
        line += taken.matches('\n').count();
        rest = after;
    }
    found.push(code);
    found
}

/// What begins here, and how many bytes belong to it.
fn begins(rest: &str, before: Option<char>) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let literal = rest.strip_prefix(['b', 'c']).filter(|_| !in_word).unwrap_or(rest);
    if let Some(raw) = literal.strip_prefix('r').filter(|_| !in_word) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw.trim_start_matches('#').starts_with('"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            let opening = rest.len() - raw.len() + hashes + 1;
            let inside = rest.get(opening..).unwrap_or_default();
            let length = inside.find(&closing).map_or(inside.len(), |end| end + closing.len());
            return (Kind::Text, opening + length);
        }
    }
    let prefix = rest.len() - literal.len();
    if literal.starts_with('"') {
        return (Kind::Text, prefix + quoted(literal, '"'));
    }
    if literal.starts_with('\'') && is_character(literal) {
        return (Kind::Text, prefix + quoted(literal, '\''));
    }
    (Kind::Code, 0)
}

/// Whether a quotation mark opens a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut after = rest.chars().skip(1);
    match after.next() {
        Some('\\') => true,
        Some(_) => after.next() == Some('\''),
        None => false,
    }
}

/// The length of a quoted literal with both its marks.
fn quoted(rest: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The lines on which a word stands in the code of a file.
pub(crate) fn lines_naming(source: &str, path: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for stretch in stretches(source).into_iter().filter(|one| one.kind == Kind::Code) {
        for (offset, line) in stretch.text.lines().enumerate() {
            if names(line, path) {
                lines.push(stretch.line + offset);
            }
        }
    }
    lines
}

/// Whether a path of words (`crate::http`) stands in this text on word borders.
pub(crate) fn names(text: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(path).any(|(at, found)| {
        let (before, after) = (text.get(..at), text.get(at + found.len()..));
        !before.is_some_and(|before| before.ends_with(is_word))
            && !after.is_some_and(|after| after.starts_with(is_word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(Kind, String)> {
        let all = stretches(source).into_iter().map(|one| (one.kind, one.text));
        all.filter(|(_, text)| !text.trim().is_empty()).collect()
    }

    #[test]
    fn text_comments_and_code_are_told_apart() {
        let source = "let a = \"x // \\\" y\"; // c \"d\"\nlet b = r#\"q\"#;";
        let expected = [
            (Kind::Code, "let a = "),
            (Kind::Text, "\"x // \\\" y\""),
            (Kind::Code, "; "),
            (Kind::Comment, "// c \"d\""),
            (Kind::Code, "\nlet b = "),
            (Kind::Text, "r#\"q\"#"),
            (Kind::Code, ";"),
        ];
        assert_eq!(kinds(source), expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_text() {
        let found = kinds("fn f<'a>(c: &'a str) { c == '\"' }");
        let text: Vec<_> = found.iter().filter(|(kind, _)| *kind == Kind::Text).collect();
        assert_eq!(text, [&(Kind::Text, "'\"'".to_owned())]);
    }

    #[test]
    fn words_are_found_on_their_borders_only_and_by_line() {
        assert_eq!(lines_naming("use a;\nuse axum::x; // axum\nuse my_axum;", "axum"), [2]);
    }
}
