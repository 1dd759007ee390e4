//! From text to a tree.

use anyhow::{Result, bail};

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Show(Pipe),
    /// The arms of an `if` in turn, then what `else` has.
    If(Vec<(Pipe, Vec<Node>)>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Range {
        /// Names for index and item.
        names: Vec<String>,
        over: Pipe,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
}

/// Calls, each of which gets what the one before gave as its last argument.
pub(super) type Pipe = Vec<Call>;

/// A function's name and arguments, or one value alone.
pub(super) type Call = Vec<Term>;

#[derive(Debug)]
pub(super) enum Term {
    /// `.A.B`; empty for the dot itself.
    Field(Vec<String>),
    /// `$x.A`; the root for no name.
    Variable(String, Vec<String>),
    Text(String),
    Number(i64),
    Bool(bool),
    Function(String),
    Group(Pipe),
}

/// Deeper nesting is refused.
const DEPTH: usize = 50;

pub(super) fn template(text: &str) -> Result<Vec<Node>> {
    let mut parts = parts(text)?.into_iter().peekable();
    let (nodes, end) = body(&mut parts, 0)?;
    match end {
        None => Ok(nodes),
        Some(word) => bail!("unexpected {{{{{word}}}}}"),
    }
}

enum Part {
    Text(String),
    Action(String),
}

/// Cuts the text at its actions; `{{-` and `-}}` take the white space beside them.
fn parts(text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut trim = false;
    loop {
        let (before, after) = match rest.split_once("{{") {
            Some((before, after)) => (before, Some(after)),
            None => (rest, None),
        };
        let before = if trim { before.trim_start() } else { before };
        let marked = after.and_then(|after| after.strip_prefix("- "));
        let before = if marked.is_some() {
            before.trim_end()
        } else {
            before
        };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some(after) = marked.or(after) else {
            return Ok(parts);
        };
        let Some((action, following)) = after.split_once("}}") else {
            bail!("unclosed action");
        };
        let kept = action.strip_suffix(" -");
        trim = kept.is_some();
        let action = kept.unwrap_or(action).trim();
        if !(action.starts_with("/*") && action.ends_with("*/")) {
            parts.push(Part::Action(action.to_owned()));
        }
        rest = following;
    }
}

type Parts = std::iter::Peekable<std::vec::IntoIter<Part>>;

/// Nodes up to the end, or to an `end` or `else …` of whoever asked, which is given back.
fn body(parts: &mut Parts, depth: usize) -> Result<(Vec<Node>, Option<String>)> {
    if depth > DEPTH {
        bail!("it is nested too deeply");
    }
    let mut nodes = Vec::new();
    while let Some(part) = parts.next() {
        let action = match part {
            Part::Text(text) => {
                nodes.push(Node::Text(text));
                continue;
            }
            Part::Action(action) => action,
        };
        let (word, rest) = action.split_once(' ').unwrap_or((&action, ""));
        match word {
            "end" | "else" => return Ok((nodes, Some(action))),
            "if" => nodes.push(conditional(parts, rest, depth)?),
            "with" => {
                let over = pipe(rest)?;
                let (body, otherwise) = block(parts, depth)?;
                nodes.push(Node::With(over, body, otherwise));
            }
            "range" => nodes.push(range(parts, rest, depth)?),
            "template" | "define" | "block" | "break" | "continue" => {
                bail!("{{{{{word}}}}} is not supported here")
            }
            _ => nodes.push(Node::Show(pipe(&action)?)),
        }
    }
    Ok((nodes, None))
}

fn conditional(parts: &mut Parts, condition: &str, depth: usize) -> Result<Node> {
    let mut arms = Vec::new();
    let mut condition = condition.to_owned();
    loop {
        let (nodes, end) = body(parts, depth + 1)?;
        arms.push((pipe(&condition)?, nodes));
        match end.as_deref() {
            Some("end") => return Ok(Node::If(arms, Vec::new())),
            Some("else") => return Ok(Node::If(arms, last_block(parts, depth)?)),
            Some(other) => match other.strip_prefix("else if ") {
                Some(next) => condition = next.to_owned(),
                None => bail!("unexpected {{{{{other}}}}}"),
            },
            None => bail!("unexpected EOF"),
        }
    }
}

fn range(parts: &mut Parts, text: &str, depth: usize) -> Result<Node> {
    let (names, over) = match text.split_once(":=") {
        Some((names, over)) => {
            let names = names
                .split(',')
                .map(|name| name.trim().trim_start_matches('$').to_owned());
            (names.collect(), over)
        }
        None => (Vec::new(), text),
    };
    let over = pipe(over)?;
    let (body, otherwise) = block(parts, depth)?;
    Ok(Node::Range {
        names,
        over,
        body,
        otherwise,
    })
}

/// A body up to its `end`, and what stands behind an `else` in it.
fn block(parts: &mut Parts, depth: usize) -> Result<(Vec<Node>, Vec<Node>)> {
    let (nodes, end) = body(parts, depth + 1)?;
    match end.as_deref() {
        Some("end") => Ok((nodes, Vec::new())),
        Some("else") => Ok((nodes, last_block(parts, depth)?)),
        Some(other) => bail!("unexpected {{{{{other}}}}}"),
        None => bail!("unexpected EOF"),
    }
}

fn last_block(parts: &mut Parts, depth: usize) -> Result<Vec<Node>> {
    match body(parts, depth + 1)? {
        (nodes, Some(end)) if end == "end" => Ok(nodes),
        (_, Some(other)) => bail!("unexpected {{{{{other}}}}}"),
        (_, None) => bail!("unexpected EOF"),
    }
}

fn pipe(text: &str) -> Result<Pipe> {
    let mut rest = text.trim();
    let pipe = calls(&mut rest, 0)?;
    if !rest.is_empty() {
        bail!("unexpected {rest:?} in command");
    }
    Ok(pipe)
}

/// Calls up to the end of the text or of a group.
fn calls(rest: &mut &str, depth: usize) -> Result<Pipe> {
    if depth > DEPTH {
        bail!("it is nested too deeply");
    }
    let mut calls: Pipe = vec![Vec::new()];
    loop {
        *rest = rest.trim_start();
        match rest.chars().next() {
            None | Some(')') => break,
            Some('|') => {
                *rest = &rest[1..];
                calls.push(Vec::new());
            }
            Some(_) => {
                let term = term(rest, depth)?;
                if let Some(call) = calls.last_mut() {
                    call.push(term);
                }
            }
        }
    }
    if calls.iter().any(Vec::is_empty) {
        bail!("missing value for command");
    }
    Ok(calls)
}

fn term(rest: &mut &str, depth: usize) -> Result<Term> {
    if let Some(inner) = rest.strip_prefix('(') {
        *rest = inner;
        let group = calls(rest, depth + 1)?;
        let Some(after) = rest.strip_prefix(')') else {
            bail!("unclosed left paren");
        };
        *rest = after;
        return Ok(Term::Group(group));
    }
    if rest.starts_with(['"', '`']) {
        return text(rest);
    }
    let end = rest
        .find([' ', '|', ')', '(', '\t', '\n'])
        .unwrap_or(rest.len());
    let word = &rest[..end];
    *rest = &rest[end..];
    let path = |text: &str| -> Result<Vec<String>> {
        let names = text.split('.').skip(1).map(str::to_owned);
        let names: Vec<String> = names.collect();
        match names.iter().any(String::is_empty) {
            true if text != "." => bail!("unexpected . after term in {text:?}"),
            true => Ok(Vec::new()),
            false => Ok(names),
        }
    };
    if word.starts_with('.') {
        return Ok(Term::Field(path(word)?));
    }
    if let Some(variable) = word.strip_prefix('$') {
        let dot = variable.find('.').unwrap_or(variable.len());
        let (name, fields) = variable.split_at(dot);
        return Ok(Term::Variable(name.to_owned(), path(fields)?));
    }
    if let Ok(number) = word.parse() {
        return Ok(Term::Number(number));
    }
    Ok(match word {
        "true" => Term::Bool(true),
        "false" => Term::Bool(false),
        _ => Term::Function(word.to_owned()),
    })
}

fn text(rest: &mut &str) -> Result<Term> {
    let quote = if rest.starts_with('"') { '"' } else { '`' };
    let mut text = String::new();
    let mut characters = rest[1..].char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote => {
                *rest = &rest[1 + at + 1..];
                return Ok(Term::Text(text));
            }
            '\\' if quote == '"' => match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, c @ ('"' | '\\'))) => text.push(c),
                _ => bail!("invalid escape in a string"),
            },
            c => text.push(c),
        }
    }
    bail!("unterminated quoted string")
}
