//! What is checked in a script's source before it is compiled.
//!
//! Arithmetic, comparisons and `..` may each read megabytes of text, and no interrupt comes between them where no loop
//! turns and no function is called. So a script has few enough of them that one after another they end soon.

/// Operators that a script may have. It bounds what runs between two interrupts.
pub(super) const OPERATORS: usize = 512;

/// What stands before a script. Directives such as `--!optimize` count before the first token only, and a script that
/// has its loops unrolled would have more operators than its source shows.
pub(super) const HEAD: &str = "do end ";

/// The operators in a source that may read a whole text, and the loops, whose bounds are read like operands.
pub(super) fn operators(source: &str) -> usize {
    let mut count = 0;
    // For each interpolated text around the current place, the braces that are open in its expression.
    let mut texts: Vec<usize> = Vec::new();
    let mut rest = source.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after.first()) {
            (b'-', Some(b'-')) => comment(&after[1..]),
            (b'[', _) if long_bracket(rest).is_some() => skip_long(rest),
            (b'"' | b'\'', _) => skip_text(after, byte).1,
            (b'`', _) => interpolated(after, &mut texts),
            (b'{', _) => {
                texts.iter_mut().last().into_iter().for_each(|open| *open += 1);
                after
            }
            (b'}', _) => match texts.last_mut() {
                Some(0) => {
                    texts.pop();
                    interpolated(after, &mut texts)
                }
                Some(open) => {
                    *open -= 1;
                    after
                }
                None => after,
            },
            (b'.', Some(b'.')) => {
                count += usize::from(after.get(1) != Some(&b'.'));
                &rest[rest.iter().take_while(|b| **b == b'.').count()..]
            }
            (b'+' | b'-' | b'*' | b'%' | b'^' | b'<' | b'>', _) => {
                count += 1;
                after
            }
            (b'/', next) => {
                count += 1;
                if next == Some(&b'/') { &after[1..] } else { after }
            }
            (b'a'..=b'z' | b'A'..=b'Z' | b'_', _) => {
                let (word, next) = rest.split_at(rest.iter().take_while(|b| is_word(**b)).count());
                count += usize::from(word == b"for");
                next
            }
            _ => after,
        };
    }
    count
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What follows a comment whose two hyphens are passed.
fn comment(rest: &[u8]) -> &[u8] {
    match long_bracket(rest) {
        Some(_) => skip_long(rest),
        None => &rest[rest.iter().take_while(|b| **b != b'\n').count()..],
    }
}

/// The number of equals signs in a long bracket that opens here.
fn long_bracket(rest: &[u8]) -> Option<usize> {
    let signs = rest.strip_prefix(b"[")?.iter().take_while(|b| **b == b'=').count();
    (rest.get(1 + signs) == Some(&b'[')).then_some(signs)
}

/// What follows the long text that begins here; nothing where it does not end.
fn skip_long(rest: &[u8]) -> &[u8] {
    let signs = long_bracket(rest).unwrap_or_default();
    let end = [b"]".as_slice(), &vec![b'='; signs], b"]"].concat();
    let found = rest.windows(end.len()).position(|window| window == end);
    found.map_or(&[], |at| &rest[at + end.len()..])
}

/// Passes the rest of an interpolated text, up to its end or its next expression.
fn interpolated<'a>(rest: &'a [u8], texts: &mut Vec<usize>) -> &'a [u8] {
    let (end, rest) = skip_text(rest, b'`');
    if end == Some(b'{') {
        texts.push(0);
    }
    rest
}

/// Passes a text up to its closing mark, and tells what ended it: the mark, or `{` in an interpolated one.
fn skip_text(rest: &[u8], mark: u8) -> (Option<u8>, &[u8]) {
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b'{' if mark == b'`' => return (Some(byte), &rest[at..]),
            _ if byte == mark => return (Some(byte), &rest[at..]),
            _ => {}
        }
    }
    (None, &[])
}

#[cfg(test)]
mod tests {
    use super::operators;

    #[test]
    fn operators_are_counted_and_texts_and_comments_are_not() {
        for (source, count) in [
            ("a = b + c - d * e / f // g % h ^ i", 7),
            ("a = b .. c f(...) t.x = 1 a ..= b", 2),
            ("return a < b or a <= c or a > d or a >= e or a == f or a ~= g", 4),
            ("a = -b a += 1 -- + + +\n --[[ + \n + ]] --[==[ + ]] + ]==] a -= 1", 3),
            ("a = '+ \\' +' .. \"+ \\\" +\" .. [[ + ]] .. [=[ + ]] + ]=]", 3),
            ("a = `+ ' {b + `- {c * { d / 1 }[1]} -`} + \\{ + {e}` - 1", 4),
            ("for i = 1, 2 do forest() end", 1),
            ("a = 'it never ends + 1", 0),
        ] {
            assert_eq!(operators(source), count, "{source}");
        }
    }

    #[test]
    fn the_scripts_of_the_repository_have_few() {
        let scripts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
        let files = std::fs::read_dir(scripts).unwrap().map(|entry| entry.unwrap().path());
        let scripts: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "lua")).collect();
        assert!(!scripts.is_empty());
        for path in scripts {
            let count = operators(&std::fs::read_to_string(&path).unwrap());
            assert!(count < super::OPERATORS / 4, "{} has {count}", path.display());
        }
    }
}
