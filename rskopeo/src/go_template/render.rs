//! From a tree and a value to text.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::functions;
use super::parse::{Call, Node, Pipe, Term};
use super::value::Value;

/// Renders `nodes` for `dot`, within what `root` stands for.
pub(super) fn nodes(nodes: &[Node], root: &Value, dot: &Value, output: &mut String) -> Result<()> {
    Scope {
        root,
        variables: BTreeMap::new(),
    }
    .nodes(nodes, dot, output)
}

struct Scope<'a> {
    root: &'a Value,
    variables: BTreeMap<String, Value>,
}

impl Scope<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value, output: &mut String) -> Result<()> {
        for node in nodes {
            match node {
                Node::Text(text) => output.push_str(text),
                Node::Show(pipe) => output.push_str(&self.pipe(pipe, dot)?.shown()),
                Node::If(arms, otherwise) => {
                    let mut chosen = otherwise;
                    for (condition, body) in arms {
                        if self.pipe(condition, dot)?.holds() {
                            chosen = body;
                            break;
                        }
                    }
                    self.nodes(chosen, dot, output)?;
                }
                Node::With(over, body, otherwise) => match self.pipe(over, dot)? {
                    value if value.holds() => self.nodes(body, &value, output)?,
                    _ => self.nodes(otherwise, dot, output)?,
                },
                Node::Range {
                    names,
                    over,
                    body,
                    otherwise,
                } => {
                    let items = items(self.pipe(over, dot)?)?;
                    if items.is_empty() {
                        self.nodes(otherwise, dot, output)?;
                    }
                    for (key, item) in items {
                        self.name(names, key, &item);
                        self.nodes(body, &item, output)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// One name is for the item, two are for its key and for it.
    fn name(&mut self, names: &[String], key: Value, item: &Value) {
        match names {
            [] => {}
            [name] => drop(self.variables.insert(name.clone(), item.clone())),
            [first, second, ..] => {
                self.variables.insert(first.clone(), key);
                self.variables.insert(second.clone(), item.clone());
            }
        }
    }

    fn pipe(&self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut given = None;
        for call in pipe {
            given = Some(self.call(call, given, dot)?);
        }
        Ok(given.unwrap_or(Value::Nil))
    }

    fn call(&self, call: &Call, given: Option<Value>, dot: &Value) -> Result<Value> {
        let [first, rest @ ..] = call.as_slice() else {
            return Ok(Value::Nil);
        };
        let Term::Function(name) = first else {
            if !rest.is_empty() || given.is_some() {
                bail!("can't give argument to non-function");
            }
            return self.term(first, dot);
        };
        let mut arguments = rest
            .iter()
            .map(|term| self.term(term, dot))
            .collect::<Result<Vec<_>>>()?;
        arguments.extend(given);
        functions::call(name, &arguments)
    }

    fn term(&self, term: &Term, dot: &Value) -> Result<Value> {
        Ok(match term {
            Term::Field(path) => field(dot, path)?,
            Term::Variable(name, path) if name.is_empty() => field(self.root, path)?,
            Term::Variable(name, path) => match self.variables.get(name) {
                Some(value) => field(value, path)?,
                None => bail!("undefined variable \"${name}\""),
            },
            Term::Text(text) => Value::Text(text.clone()),
            Term::Number(number) => Value::Number(*number),
            Term::Bool(value) => Value::Bool(*value),
            Term::Function(name) => functions::call(name, &[])?,
            Term::Group(pipe) => self.pipe(pipe, dot)?,
        })
    }
}

fn field(value: &Value, path: &[String]) -> Result<Value> {
    let mut value = value.clone();
    for name in path {
        value = match value {
            Value::Struct { fields, .. } => {
                let found = fields.into_iter().find(|(field, _)| field == name);
                match found {
                    Some((_, value)) => value,
                    None => bail!("can't evaluate field {name}"),
                }
            }
            // A missing key of a map of strings is the empty string.
            Value::Map(mut items) => items.remove(name).unwrap_or(Value::text("")),
            Value::Nil => bail!("nil pointer evaluating .{name}"),
            _ => bail!("can't evaluate field {name}: it is no part of what stands before it"),
        };
    }
    Ok(value)
}

fn items(value: Value) -> Result<Vec<(Value, Value)>> {
    match value {
        Value::List(items) => {
            let numbered = items.into_iter().zip(0..);
            Ok(numbered
                .map(|(item, number)| (Value::Number(number), item))
                .collect())
        }
        Value::Map(items) => Ok(items
            .into_iter()
            .map(|(key, item)| (Value::Text(key), item))
            .collect()),
        Value::Nil => Ok(Vec::new()),
        other => bail!("range can't iterate over {}", other.shown()),
    }
}
