//! From text to tokens. White space inside an action is a token: `$x.Name` is one operand, `$x .Name` two.

use serde_json::{Number, Value};

use super::Fault;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    Space,
    Word(String),
    /// `.Name`
    Field(String),
    Dot,
    /// `$name`, without the `$`
    Variable(String),
    Literal(Value),
    OpenParenthesis,
    CloseParenthesis,
    Pipe,
    Comma,
    Declare,
    Assign,
}

pub(super) type Spanned = (usize, Token);

pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, Fault> {
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
    };
    let mut trim_left = false;
    loop {
        let rest = lexer.rest();
        let plain = &rest[..rest.find("{{").unwrap_or(rest.len())];
        let opened = rest.len() > plain.len();
        let trim_right = opened && opens_with_trim(&rest[plain.len() + 2..]);
        lexer.push_text(plain, trim_left, trim_right);
        lexer.at += plain.len();
        if !opened {
            return Ok(lexer.tokens);
        }
        let start = lexer.at;
        lexer.at += if trim_right { 3 } else { 2 };
        trim_left = match lexer.comment(start)? {
            Some(trim) => trim,
            None => lexer.action(start)?,
        };
    }
}

/// `{{- ` trims the text before it; `{{-3}}` is a number.
fn opens_with_trim(inside: &str) -> bool {
    let mut characters = inside.chars();
    characters.next() == Some('-') && characters.next().is_some_and(is_space)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Spanned>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push_text(&mut self, text: &str, trim_left: bool, trim_right: bool) {
        let text = if trim_left {
            text.trim_start_matches(is_space)
        } else {
            text
        };
        let text = if trim_right {
            text.trim_end_matches(is_space)
        } else {
            text
        };
        if !text.is_empty() {
            self.tokens.push((self.at, Token::Text(text.to_owned())));
        }
    }

    /// A comment is alone in its action. Returns whether it trims the text after it.
    fn comment(&mut self, start: usize) -> Result<Option<bool>, Fault> {
        let Some(body) = self.rest().trim_start_matches(is_space).strip_prefix("/*") else {
            return Ok(None);
        };
        let end = body
            .find("*/")
            .ok_or_else(|| Fault::new(start, "unclosed comment"))?;
        let after = &body[end + 2..];
        let trimmed = after.trim_start_matches(is_space);
        let (trim, rest) = match trimmed.strip_prefix('-') {
            Some(rest) if trimmed.len() < after.len() => (true, rest),
            _ => (false, after),
        };
        let rest = rest
            .strip_prefix("}}")
            .ok_or_else(|| Fault::new(start, "comment ends before closing delimiter"))?;
        self.at = self.text.len() - rest.len();
        Ok(Some(trim))
    }

    /// The tokens up to and with the closing braces. Returns whether they trim the text after them.
    fn action(&mut self, start: usize) -> Result<bool, Fault> {
        self.tokens.push((start, Token::Open));
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(is_space);
            let spaces = rest.len() - trimmed.len();
            let trim = spaces > 0 && trimmed.starts_with("-}}");
            if trim || rest.starts_with("}}") {
                self.at += if trim { spaces + 3 } else { 2 };
                self.tokens.push((self.at - 2, Token::Close));
                return Ok(trim);
            }
            if spaces > 0 {
                self.tokens.push((self.at, Token::Space));
                self.at += spaces;
                continue;
            }
            let Some(first) = rest.chars().next() else {
                return Err(Fault::new(start, "unclosed action"));
            };
            let (length, token) = self.token(first, rest)?;
            self.tokens.push((self.at, token));
            self.at += length;
        }
    }

    /// The token that `rest` begins with, and its length in bytes.
    fn token(&self, first: char, rest: &str) -> Result<(usize, Token), Fault> {
        let fail = |message: String| Err(Fault::new(self.at, message));
        Ok(match first {
            '(' => (1, Token::OpenParenthesis),
            ')' => (1, Token::CloseParenthesis),
            '|' => (1, Token::Pipe),
            ',' => (1, Token::Comma),
            ':' if rest.starts_with(":=") => (2, Token::Declare),
            ':' => return fail("expected :=".into()),
            '=' => (1, Token::Assign),
            '"' => quoted(rest).map_err(|message| Fault::new(self.at, message))?,
            '`' => match rest[1..].find('`') {
                Some(end) => (end + 2, Token::Literal(rest[1..=end].into())),
                None => return fail("unterminated raw quoted string".into()),
            },
            '\'' => character(rest).map_err(|message| Fault::new(self.at, message))?,
            '$' => {
                let name = word(&rest[1..]);
                (1 + name.len(), Token::Variable(name.to_owned()))
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => match word(&rest[1..]) {
                "" => (1, Token::Dot),
                name => (1 + name.len(), Token::Field(name.to_owned())),
            },
            '.' | '+' | '-' | '0'..='9' => {
                let length = rest
                    .char_indices()
                    .skip(1)
                    .find(|&(at, c)| !continues_number(rest, at, c))
                    .map_or(rest.len(), |(at, _)| at);
                match number(&rest[..length]) {
                    Some(number) => (length, Token::Literal(Value::Number(number))),
                    None => return fail(format!("bad number syntax: \"{}\"", &rest[..length])),
                }
            }
            _ => match word(rest) {
                "" => return fail(format!("unexpected {first:?} in command")),
                name => (name.len(), Token::Word(name.to_owned())),
            },
        })
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The letters, digits and underscores that `text` begins with.
fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    &text[..end]
}

fn continues_number(text: &str, at: usize, c: char) -> bool {
    let after_exponent =
        at > 0 && matches!(text.as_bytes()[at - 1], b'e' | b'E') && !text.starts_with("0x");
    c.is_ascii_alphanumeric() || c == '_' || c == '.' || (matches!(c, '+' | '-') && after_exponent)
}

/// Go's integer and floating literals (no imaginary ones).
fn number(text: &str) -> Option<Number> {
    let digits = text.replace('_', "");
    let (negative, magnitude) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let radix = |prefix: &str, radix| {
        let rest = magnitude.to_ascii_lowercase();
        let rest = rest.strip_prefix(prefix)?;
        // The sign was taken off above: a second one is not a number.
        rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            .then(|| i64::from_str_radix(rest, radix).ok())?
    };
    let integer = radix("0x", 16)
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
        .or_else(|| {
            magnitude
                .starts_with(|c: char| c.is_ascii_digit())
                .then(|| magnitude.parse().ok())?
        });
    if let Some(integer) = integer {
        return Some(Number::from(if negative { -integer } else { integer }));
    }
    if !magnitude.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let float: f64 = magnitude.parse().ok()?;
    Number::from_f64(if negative { -float } else { float })
}

/// An interpreted string. `text` begins with the quote.
fn quoted(text: &str) -> Result<(usize, Token), &'static str> {
    let mut value = String::new();
    let mut characters = Escaped { text, at: 1 };
    loop {
        match characters.next("unterminated quoted string")? {
            ('"', false) => return Ok((characters.at, Token::Literal(value.into()))),
            ('\n', false) => return Err("unterminated quoted string"),
            (c, _) => value.push(c),
        }
    }
}

/// A character constant, which is a number. `text` begins with the quote.
fn character(text: &str) -> Result<(usize, Token), &'static str> {
    const UNTERMINATED: &str = "unterminated character constant";
    let mut characters = Escaped { text, at: 1 };
    match characters.next(UNTERMINATED)? {
        ('\'' | '\n', false) => Err("malformed character constant"),
        (c, _) => match characters.next(UNTERMINATED)? {
            ('\'', false) => Ok((characters.at, Token::Literal(u32::from(c).into()))),
            _ => Err("malformed character constant"),
        },
    }
}

/// The characters of a Go literal.
struct Escaped<'a> {
    text: &'a str,
    at: usize,
}

impl Escaped<'_> {
    /// The next character and whether it was written with a backslash.
    fn next(&mut self, at_end: &'static str) -> Result<(char, bool), &'static str> {
        let Some(c) = self.text[self.at..].chars().next() else {
            return Err(at_end);
        };
        self.at += c.len_utf8();
        if c != '\\' {
            return Ok((c, false));
        }
        let Some(escape) = self.text[self.at..].chars().next() else {
            return Err(at_end);
        };
        self.at += escape.len_utf8();
        let c = match escape {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '\\' | '"' | '\'' => escape,
            'x' => self.code(2, 16)?,
            'u' => self.code(4, 16)?,
            'U' => self.code(8, 16)?,
            '0'..='7' => {
                self.at -= 1;
                self.code(3, 8)?
            }
            _ => return Err("invalid escape in literal"),
        };
        Ok((c, true))
    }

    fn code(&mut self, digits: usize, radix: u32) -> Result<char, &'static str> {
        let code = self
            .text
            .get(self.at..self.at + digits)
            .ok_or("invalid escape in literal")?;
        self.at += digits;
        u32::from_str_radix(code, radix)
            .ok()
            .and_then(char::from_u32)
            .ok_or("invalid escape in literal")
    }
}
