//! From parts to a tree.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::lexer::{Part, Token, parts};

#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Show(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    Template(String, Option<Pipe>),
}

#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub over: Pipe,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Calls, each of which gets what the one before gave as its last argument; the last one's value may get names.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipe {
    pub names: Vec<String>,
    /// The names are new ones.
    pub declares: bool,
    pub calls: Vec<Call>,
}

/// A function's name and arguments, or one value alone.
pub(super) type Call = Vec<Term>;

#[derive(Clone, Debug)]
pub(super) enum Term {
    /// `.A.B`; empty for the dot itself.
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Text(String),
    Number(i64),
    Float(f64),
    Bool(bool),
    Nil,
    Function(String),
    Group(Pipe, Vec<String>),
}

/// A template, and those that it defines by name.
#[derive(Debug)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub defined: BTreeMap<String, Vec<Node>>,
}

/// Deeper nesting is refused.
const DEPTH: usize = 50;

pub(super) fn template(text: &str) -> Result<Tree> {
    let mut parser = Parser {
        parts: parts(text)?.into_iter(),
        defined: BTreeMap::new(),
        loops: 0,
        depth: 0,
    };
    match parser.body()? {
        (nodes, Stop::Text) => Ok(Tree {
            nodes,
            defined: parser.defined,
        }),
        (_, Stop::End) => bail!("unexpected {{{{end}}}}"),
        (_, Stop::Else(_)) => bail!("unexpected {{{{else}}}}"),
    }
}

struct Parser {
    parts: std::vec::IntoIter<Part>,
    defined: BTreeMap<String, Vec<Node>>,
    /// How many `range` it is in.
    loops: usize,
    depth: usize,
}

/// What ended a body; an `else` may go on, as in `else if X`.
enum Stop {
    Text,
    End,
    Else(Vec<Token>),
}

impl Parser {
    fn body(&mut self) -> Result<(Vec<Node>, Stop)> {
        self.depth += 1;
        if self.depth > DEPTH {
            bail!("it is nested too deeply");
        }
        let mut nodes = Vec::new();
        let end = loop {
            let action = match self.parts.next() {
                None => break Stop::Text,
                Some(Part::Text(text)) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Some(Part::Action(action)) => action,
            };
            let word = match action.first() {
                Some(Token::Word(word)) => word.as_str(),
                _ => "",
            };
            let rest = || action[1..].to_vec();
            match word {
                "end" if action.len() == 1 => break Stop::End,
                "else" => break Stop::Else(rest()),
                "if" => nodes.push(Node::If(self.branch(rest(), word)?)),
                "with" => nodes.push(Node::With(self.branch(rest(), word)?)),
                "range" => {
                    self.loops += 1;
                    let branch = self.branch(rest(), word)?;
                    self.loops -= 1;
                    nodes.push(Node::Range(branch));
                }
                "break" | "continue" if action.len() == 1 && self.loops == 0 => {
                    bail!("{{{{{word}}}}} outside {{{{range}}}}")
                }
                "break" if action.len() == 1 => nodes.push(Node::Break),
                "continue" if action.len() == 1 => nodes.push(Node::Continue),
                "define" => self.define(&rest())?,
                "template" => nodes.push(self.call_of_template(&rest())?),
                "block" => {
                    self.define(&rest()[..1.min(action.len() - 1)])?;
                    nodes.push(self.call_of_template(&rest())?);
                }
                _ => nodes.push(Node::Show(pipe(&action)?)),
            }
        };
        self.depth -= 1;
        Ok((nodes, end))
    }

    /// What an `if`, a `with` or a `range` governs.
    fn branch(&mut self, over: Vec<Token>, word: &str) -> Result<Branch> {
        let over = pipe(&over)?;
        let (body, end) = self.body()?;
        let otherwise = match end {
            Stop::End => Vec::new(),
            Stop::Text => bail!("unexpected EOF"),
            Stop::Else(more) => self.otherwise(more, word)?,
        };
        Ok(Branch {
            over,
            body,
            otherwise,
        })
    }

    /// What stands behind an `else`, and behind those that follow it.
    fn otherwise(&mut self, more: Vec<Token>, word: &str) -> Result<Vec<Node>> {
        let again = match more.first() {
            None => {
                return match self.body()? {
                    (nodes, Stop::End) => Ok(nodes),
                    (_, Stop::Else(_)) => bail!("expected end; found {{{{else}}}}"),
                    (_, Stop::Text) => bail!("unexpected EOF"),
                };
            }
            Some(Token::Word(again)) => again.clone(),
            Some(_) => bail!("unexpected token in else"),
        };
        let node = match again.as_str() {
            "if" if word == "if" => Node::If,
            "with" if word == "with" => Node::With,
            _ => bail!("unexpected <{again}> in else"),
        };
        self.depth += 1;
        let branch = self.branch(more[1..].to_vec(), word)?;
        self.depth -= 1;
        Ok(vec![node(branch)])
    }

    fn define(&mut self, name: &[Token]) -> Result<()> {
        let [Token::Text(name)] = name else {
            bail!("a template's name has to be a quoted string");
        };
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.body()?;
        self.loops = loops;
        match end {
            Stop::End => self.defined.insert(name.clone(), body),
            Stop::Else(_) => bail!("unexpected {{{{else}}}} in define clause"),
            Stop::Text => bail!("unexpected EOF"),
        };
        Ok(())
    }

    fn call_of_template(&self, tokens: &[Token]) -> Result<Node> {
        let [Token::Text(name), rest @ ..] = tokens else {
            bail!("a template's name has to be a quoted string");
        };
        let dot = match rest {
            [] => None,
            rest => Some(pipe(rest)?),
        };
        Ok(Node::Template(name.clone(), dot))
    }
}

fn pipe(tokens: &[Token]) -> Result<Pipe> {
    let mut rest = tokens;
    let pipe = pipe_until(&mut rest, 0)?;
    match rest {
        [] => Ok(pipe),
        [Token::Close, ..] => bail!("unexpected right paren"),
        [token, ..] => bail!("unexpected {token:?} in command"),
    }
}

/// A pipe up to the end of the tokens or of a group.
fn pipe_until(rest: &mut &[Token], depth: usize) -> Result<Pipe> {
    if depth > DEPTH {
        bail!("it is nested too deeply");
    }
    let (names, declares, behind) = names(rest);
    *rest = behind;
    let mut pipe = Pipe {
        names,
        declares,
        calls: vec![Vec::new()],
    };
    loop {
        match *rest {
            [] | [Token::Close, ..] => break,
            [Token::Pipe, behind @ ..] => {
                *rest = behind;
                pipe.calls.push(Vec::new());
            }
            _ => {
                let term = term(rest, depth)?;
                pipe.calls
                    .last_mut()
                    .into_iter()
                    .for_each(|call| call.push(term.clone()));
            }
        }
    }
    if pipe.calls.iter().any(Vec::is_empty) {
        bail!("missing value for command");
    }
    Ok(pipe)
}

/// `$x :=`, `$x, $y :=` or `$x =` at the beginning.
fn names(tokens: &[Token]) -> (Vec<String>, bool, &[Token]) {
    let is_declared = |sign: &Token| *sign == Token::Declare;
    match tokens {
        [
            Token::Variable(name, path),
            sign @ (Token::Declare | Token::Assign),
            rest @ ..,
        ] if path.is_empty() => (vec![name.clone()], is_declared(sign), rest),
        [
            Token::Variable(first, _),
            Token::Comma,
            Token::Variable(second, _),
            sign @ (Token::Declare | Token::Assign),
            rest @ ..,
        ] => (vec![first.clone(), second.clone()], is_declared(sign), rest),
        _ => (Vec::new(), false, tokens),
    }
}

fn term(rest: &mut &[Token], depth: usize) -> Result<Term> {
    let [token, behind @ ..] = *rest else {
        bail!("missing value for command");
    };
    *rest = behind;
    Ok(match token {
        Token::Dot => Term::Field(Vec::new()),
        Token::Field(path) => Term::Field(path.clone()),
        Token::Variable(name, path) => Term::Variable(name.clone(), path.clone()),
        Token::Text(text) => Term::Text(text.clone()),
        Token::Number(number) => Term::Number(*number),
        Token::Float(number) => Term::Float(*number),
        Token::Word(word) => match word.as_str() {
            "true" => Term::Bool(true),
            "false" => Term::Bool(false),
            "nil" => Term::Nil,
            "if" | "else" | "end" | "range" | "with" | "define" | "template" | "block"
            | "break" | "continue" => bail!("unexpected <{word}> in command"),
            _ => Term::Function(word.clone()),
        },
        Token::Open => {
            let group = pipe_until(rest, depth + 1)?;
            let [Token::Close, behind @ ..] = *rest else {
                bail!("unclosed left paren");
            };
            *rest = behind;
            let mut path = Vec::new();
            if let [Token::FieldOfGroup(names), behind @ ..] = *rest {
                path.clone_from(names);
                *rest = behind;
            }
            Term::Group(group, path)
        }
        token => bail!("unexpected {token:?} in command"),
    })
}
