//! From text to its parts: what stands outside of `{{` and `}}`, and the tokens of each action.

use anyhow::{Result, bail};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// `.` alone.
    Dot,
    /// `.A.B`
    Field(Vec<String>),
    /// `.A.B` right behind a parenthesis.
    FieldOfGroup(Vec<String>),
    /// `$x.A`; the root for no name.
    Variable(String, Vec<String>),
    Word(String),
    Text(String),
    Number(i64),
    Float(f64),
    Open,
    Close,
    Pipe,
    Comma,
    Declare,
    Assign,
}

/// Cuts the text at its actions; `{{-` and `-}}` take the white space beside them.
pub(super) fn parts(text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut trim = false;
    loop {
        let (before, action) = match rest.split_once("{{") {
            Some((before, action)) => (before, Some(action)),
            None => (rest, None),
        };
        let marked = action.is_some_and(|action| is_marked(action.strip_prefix('-')));
        let before = if trim { before.trim_start() } else { before };
        let before = if marked { before.trim_end() } else { before };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some(action) = action else {
            return Ok(parts);
        };
        let action = if marked { &action[1..] } else { action };
        let (inside, behind) = split_at_end(action)?;
        let kept = inside
            .strip_suffix('-')
            .filter(|kept| kept.ends_with(char::is_whitespace));
        trim = kept.is_some();
        let inside = kept.unwrap_or(inside).trim();
        if !(inside.starts_with("/*") && inside.ends_with("*/")) {
            parts.push(Part::Action(tokens(inside)?));
        }
        rest = behind;
    }
}

/// Whether white space follows, as it has to behind the mark.
fn is_marked(behind: Option<&str>) -> bool {
    behind.is_some_and(|behind| behind.starts_with(char::is_whitespace))
}

/// The action, and what follows its `}}`: that may stand in a text of its own.
fn split_at_end(action: &str) -> Result<(&str, &str)> {
    let mut characters = action.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '}' if action[at..].starts_with("}}") => return Ok((&action[..at], &action[at + 2..])),
            '"' | '\'' | '`' => {
                while let Some((_, inside)) = characters.next() {
                    match inside {
                        '\\' if c != '`' => drop(characters.next()),
                        inside if inside == c => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    bail!("unclosed action")
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            ':' if rest.starts_with(":=") => (Token::Declare, 2),
            '=' => (Token::Assign, 1),
            '"' | '\'' | '`' => quoted(rest)?,
            c if is_of_word(c) || "$.-+".contains(c) => {
                let behind_group = text[..text.len() - rest.len()].ends_with(')');
                word(rest, behind_group)?
            }
            c => bail!("unexpected {c:?} in command"),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A token that ends where a word does, and its length.
fn word(rest: &str, behind_group: bool) -> Result<(Token, usize)> {
    let is_number = rest
        .trim_start_matches(['-', '+', '.'])
        .starts_with(|c: char| c.is_ascii_digit());
    let end = rest
        .char_indices()
        .skip(1)
        .find(|(_, c)| !(is_of_word(*c) || *c == '.'))
        .map_or(rest.len(), |(at, _)| at);
    let word = &rest[..end];
    if is_number {
        return number(word).map(|token| (token, end));
    }
    let names = |path: &str| -> Result<Vec<String>> {
        let names: Vec<String> = path.split('.').skip(1).map(str::to_owned).collect();
        match names.iter().any(String::is_empty) {
            true => bail!("unexpected . after term {word:?}"),
            false => Ok(names),
        }
    };
    let token = match word.strip_prefix('$') {
        _ if word == "." => Token::Dot,
        Some(variable) => {
            let dot = variable.find('.').unwrap_or(variable.len());
            let (name, path) = variable.split_at(dot);
            Token::Variable(name.to_owned(), names(path)?)
        }
        None if word.starts_with('.') && behind_group => Token::FieldOfGroup(names(word)?),
        None if word.starts_with('.') => Token::Field(names(word)?),
        None if word.contains(['.', '-', '+']) => bail!("unexpected {word:?} in command"),
        None => Token::Word(word.to_owned()),
    };
    Ok((token, end))
}

fn number(word: &str) -> Result<Token> {
    let unsigned = word.trim_start_matches(['-', '+']);
    let digits = |prefix, radix| {
        let digits = unsigned.strip_prefix(prefix)?;
        let number = i64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
        Some(if word.starts_with('-') {
            -number
        } else {
            number
        })
    };
    let radix = digits("0x", 16)
        .or_else(|| digits("0o", 8))
        .or_else(|| digits("0b", 2));
    let whole = radix.or_else(|| word.replace('_', "").parse().ok());
    match (whole, word.parse()) {
        (Some(whole), _) => Ok(Token::Number(whole)),
        (None, Ok(float)) => Ok(Token::Float(float)),
        (None, Err(_)) => bail!("bad number syntax: {word:?}"),
    }
}

/// A text in `"`, one in backquotes that has no escapes, or a character, which is a number to Go.
fn quoted(rest: &str) -> Result<(Token, usize)> {
    let mut characters = rest.char_indices();
    let (_, quote) = characters.next().unwrap_or_default();
    let mut text = String::new();
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote => {
                let letter = text
                    .chars()
                    .next()
                    .map(|letter| i64::from(u32::from(letter)));
                let token = match (quote, letter) {
                    ('\'', Some(letter)) if text.chars().count() == 1 => Token::Number(letter),
                    ('\'', _) => bail!("malformed character constant: {}", &rest[..=at]),
                    _ => Token::Text(text),
                };
                return Ok((token, at + 1));
            }
            '\\' if quote != '`' => text.push(match characters.next().map(|(_, c)| c) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(c @ ('"' | '\'' | '\\')) => c,
                _ => bail!("invalid escape in a string"),
            }),
            c => text.push(c),
        }
    }
    bail!("unterminated quoted string")
}
