//! Go's text/template over JSON values, as much of it as `--format` needs, with podman's own functions.
//!
//! In order: [`lexer`] cuts the text into tokens, [`parser`] makes a tree of them ([`tree`]), [`eval`] walks
//! the tree. [`functions`] holds what an identifier can call and [`printing`] how Go's fmt writes a value ([`structs`] too).
//! Left out by name: `define`, `block` and `template`.
//!
//! What a Go struct's methods are to its template, [`Methods`] is to ours: values computed when, and only
//! when, a template asks for them.

mod eval;
mod functions;
mod lexer;
mod moment;
mod nil;
mod parser;
mod printf;
mod printing;
#[cfg(test)]
mod properties;
mod structs;
#[cfg(test)]
mod tests;
mod tree;

pub(super) use moment::with_times;
pub(super) use printing::general;

use serde_json::Value;
use thiserror::Error;

/// Computed fields: receives the value left of the dot, the name, and the arguments of the call; `None` when
/// the value has no such method. Asked before the value's own keys, so that a listing can show `Size` as text
/// while `json .` still prints the number.
pub type Methods = fn(receiver: &Value, name: &str, arguments: &[Value]) -> Option<Value>;

/// The name by which methods are asked for the names of a struct's fields, separated by `, `, where its JSON does not tell that it is
/// one, or has other keys; null of a map. No template can name it.
pub const FIELDS: &str = "";

pub use nil::{NIL, NIL_LIST, NIL_MAP};

/// For data that is nothing but its JSON.
pub fn no_methods(_: &Value, _: &str, _: &[Value]) -> Option<Value> {
    None
}

/// What is wrong with a template, worded as Go words it.
#[derive(Debug, Error, PartialEq)]
pub enum TemplateError {
    #[error("template: {name}:{line}: {message}")]
    Syntax {
        name: String,
        line: usize,
        message: String,
    },
    #[error("template: {name}:{line}:{column}: executing \"{name}\" at <{at}>: {message}")]
    Execution {
        name: String,
        line: usize,
        column: usize,
        at: String,
        message: String,
    },
}

/// A parsed template, to be run any number of times.
#[derive(Debug)]
pub struct Template {
    name: String,
    text: String,
    nodes: Vec<tree::Node>,
}

impl Template {
    /// Parse `text`; `name` is what errors call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let syntax = |fault: Fault| TemplateError::Syntax {
            name: name.to_owned(),
            line: line_and_column(text, fault.offset).0,
            message: fault.message,
        };
        let tokens = lexer::lex(text).map_err(syntax)?;
        let nodes = parser::parse(tokens).map_err(syntax)?;
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned(),
            nodes,
        })
    }

    /// Run the template over `dot`.
    pub fn execute(&self, dot: &Value, methods: Methods) -> Result<String, TemplateError> {
        eval::execute(&self.nodes, dot, methods).map_err(|fault| {
            let (line, column) = line_and_column(&self.text, fault.offset);
            TemplateError::Execution {
                name: self.name.clone(),
                line,
                column,
                at: command_at(&self.text, fault.offset).to_owned(),
                message: fault.message,
            }
        })
    }
}

/// An error and the byte of the template that it is about.
#[derive(Debug)]
struct Fault {
    offset: usize,
    message: String,
}

impl Fault {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }
}

/// Line from one, column from zero, as Go counts them.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let column = before
        .iter()
        .rev()
        .take_while(|&&byte| byte != b'\n')
        .count();
    (line, column)
}

/// The piece of an action that starts at `offset`, for the error to quote.
fn command_at(text: &str, offset: usize) -> &str {
    let rest = text.get(offset..).unwrap_or_default();
    let end = rest.find(['|', '}', ')', '\n']).unwrap_or(rest.len());
    rest[..end].trim_end_matches('-').trim()
}
