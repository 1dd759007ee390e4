//! Walks the tree and writes the text.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde_json::Value;

use super::tree::{Binding, Command, Kind, Node, Operand, Pipeline};
use super::{Fault, Methods, functions, printing};

type Evaluated<'a> = Cow<'a, Value>;

pub(super) fn execute(nodes: &[Node], dot: &Value, methods: Methods) -> Result<String, Fault> {
    let mut state = State {
        output: String::new(),
        methods,
        variables: vec![(String::new(), Cow::Borrowed(dot))],
    };
    // The parser lets break and continue stand in a range only, which consumes them.
    let _left_loop = state.walk(nodes, &Cow::Borrowed(dot))?;
    Ok(state.output)
}

struct State<'a> {
    output: String,
    methods: Methods,
    /// The innermost last; the first is `$`.
    variables: Vec<(String, Evaluated<'a>)>,
}

/// How a list of nodes ended: `Break` leaves the loop around it.
type Flow = ControlFlow<LoopExit>;

#[derive(Debug, PartialEq)]
enum LoopExit {
    Break,
    Continue,
}

impl<'a> State<'a> {
    fn walk(&mut self, nodes: &'a [Node], dot: &Evaluated<'a>) -> Result<Flow, Fault> {
        for node in nodes {
            let flow = match node {
                Node::Text(text) => {
                    self.output.push_str(text);
                    Flow::Continue(())
                }
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.binding == Binding::None {
                        self.output.push_str(&printing::print(&value));
                    }
                    Flow::Continue(())
                }
                Node::If {
                    branches,
                    otherwise,
                } => self.scoped(|state| state.choose(branches, otherwise, dot, false))?,
                Node::With {
                    branches,
                    otherwise,
                } => self.scoped(|state| state.choose(branches, otherwise, dot, true))?,
                Node::Range {
                    over,
                    body,
                    otherwise,
                } => self.scoped(|state| state.range(over, body, otherwise, dot))?,
                Node::Break => Flow::Break(LoopExit::Break),
                Node::Continue => Flow::Break(LoopExit::Continue),
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue(()))
    }

    /// Variables declared by `step` end with it.
    fn scoped<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> T {
        let scope = self.variables.len();
        let result = step(self);
        self.variables.truncate(scope);
        result
    }

    fn choose(
        &mut self,
        branches: &'a [(Pipeline, Vec<Node>)],
        otherwise: &'a [Node],
        dot: &Evaluated<'a>,
        moves_dot: bool,
    ) -> Result<Flow, Fault> {
        for (condition, body) in branches {
            let value = self.pipeline(condition, dot)?;
            if is_true(&value) {
                return self.walk(body, if moves_dot { &value } else { dot });
            }
        }
        self.walk(otherwise, dot)
    }

    fn range(
        &mut self,
        over: &'a Pipeline,
        body: &'a [Node],
        otherwise: &'a [Node],
        dot: &Evaluated<'a>,
    ) -> Result<Flow, Fault> {
        let value = self.commands(over, dot)?;
        let items = items(value).map_err(|message| Fault::new(over.offset, message))?;
        if items.is_empty() {
            return self.walk(otherwise, dot);
        }
        for (key, item) in items {
            let flow = self.scoped(|state| {
                match over.variables.as_slice() {
                    [] => {}
                    [element] => state.bind(over.binding, element, item.clone()),
                    [index, element, ..] => {
                        state.bind(over.binding, index, Cow::Owned(key));
                        state.bind(over.binding, element, item.clone());
                    }
                }
                state.walk(body, &item)
            })?;
            if flow == Flow::Break(LoopExit::Break) {
                break;
            }
        }
        Ok(Flow::Continue(()))
    }

    fn bind(&mut self, binding: Binding, name: &str, value: Evaluated<'a>) {
        let existing = match binding {
            Binding::Assign => self
                .variables
                .iter_mut()
                .rev()
                .find(|(known, _)| known == name),
            Binding::Declare | Binding::None => None,
        };
        match existing {
            Some((_, slot)) => *slot = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn pipeline(
        &mut self,
        pipeline: &'a Pipeline,
        dot: &Evaluated<'a>,
    ) -> Result<Evaluated<'a>, Fault> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.variables {
            self.bind(pipeline.binding, name, value.clone());
        }
        Ok(value)
    }

    fn commands(
        &mut self,
        pipeline: &'a Pipeline,
        dot: &Evaluated<'a>,
    ) -> Result<Evaluated<'a>, Fault> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(command, dot, value)?);
        }
        Ok(value.unwrap_or(Cow::Owned(Value::Null)))
    }

    /// `piped` is the value of the command before, which becomes the last argument.
    fn command(
        &mut self,
        command: &'a Command,
        dot: &Evaluated<'a>,
        piped: Option<Evaluated<'a>>,
    ) -> Result<Evaluated<'a>, Fault> {
        if let Kind::Function(name) = &command.operand.kind {
            let mut result = self.function(command, name, dot, piped)?;
            for (offset, field) in &command.operand.fields {
                result = self.field(result, *offset, field, &[])?;
            }
            return Ok(result);
        }
        let mut arguments = Vec::with_capacity(command.arguments.len());
        for argument in &command.arguments {
            arguments.push(self.operand(argument, dot, &[])?.into_owned());
        }
        arguments.extend(piped.map(Cow::into_owned));
        if !arguments.is_empty() && command.operand.fields.is_empty() {
            return Err(Fault::new(
                command.operand.offset,
                "can't give argument to non-function",
            ));
        }
        self.operand(&command.operand, dot, &arguments)
    }

    fn function(
        &mut self,
        command: &'a Command,
        name: &str,
        dot: &Evaluated<'a>,
        piped: Option<Evaluated<'a>>,
    ) -> Result<Evaluated<'a>, Fault> {
        let mut arguments = Vec::with_capacity(command.arguments.len() + 1);
        for argument in &command.arguments {
            let value = self.operand(argument, dot, &[])?;
            // `and` and `or` look no further than they need to.
            let decided = match name {
                "and" => !is_true(&value),
                "or" => is_true(&value),
                _ => false,
            };
            if decided {
                return Ok(value);
            }
            arguments.push(value);
        }
        arguments.extend(piped);
        functions::call(name, arguments).map_err(|message| {
            Fault::new(
                command.operand.offset,
                format!("error calling {name}: {message}"),
            )
        })
    }

    /// An operand with its fields; `arguments` go to the last of them.
    fn operand(
        &mut self,
        operand: &'a Operand,
        dot: &Evaluated<'a>,
        arguments: &[Value],
    ) -> Result<Evaluated<'a>, Fault> {
        let mut value = match &operand.kind {
            Kind::Dot => dot.clone(),
            Kind::Nil => Cow::Owned(Value::Null),
            Kind::Literal(value) => Cow::Borrowed(value),
            Kind::Variable(name) => self.variable(name),
            Kind::Function(name) => functions::call(name, Vec::new()).map_err(|message| {
                Fault::new(operand.offset, format!("error calling {name}: {message}"))
            })?,
            Kind::Pipeline(pipeline) => self.pipeline(pipeline, dot)?,
        };
        let last = operand.fields.len().saturating_sub(1);
        for (index, (offset, name)) in operand.fields.iter().enumerate() {
            value = self.field(
                value,
                *offset,
                name,
                if index == last { arguments } else { &[] },
            )?;
        }
        Ok(value)
    }

    fn variable(&self, name: &str) -> Evaluated<'a> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found.map_or(Cow::Owned(Value::Null), |(_, value)| value.clone())
    }

    fn field(
        &self,
        value: Evaluated<'a>,
        offset: usize,
        name: &str,
        arguments: &[Value],
    ) -> Result<Evaluated<'a>, Fault> {
        if let Some(computed) = (self.methods)(&value, name, arguments) {
            return Ok(Cow::Owned(computed));
        }
        let fail = |message| Err(Fault::new(offset, message));
        if !arguments.is_empty() {
            return fail(format!(
                "{name} has arguments but cannot be invoked as function"
            ));
        }
        let Value::Object(object) = &*value else {
            return match &*value {
                Value::Null => fail(format!("nil pointer evaluating {name}")),
                other => fail(format!(
                    "can't evaluate field {name} in type {}",
                    printing::type_name(other)
                )),
            };
        };
        match key(object, name) {
            Some(key) => Ok(member(value, key)),
            None if is_record(object) => fail(format!(
                "can't evaluate field {name}: the fields here are {}",
                names(object)
            )),
            None => Ok(Cow::Owned(Value::Null)),
        }
    }
}

type Object = serde_json::Map<String, Value>;

/// The key a field name means. JSON says `Id` where Go's field is `ID`, so either spelling finds the other.
fn key(object: &Object, name: &str) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    let other = match name {
        "ID" => "Id".to_owned(),
        _ => name.replace("Id", "ID"),
    };
    object.contains_key(&other).then_some(other)
}

/// The member of an object, borrowed if the object is.
fn member(value: Evaluated<'_>, key: String) -> Evaluated<'_> {
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(&value[key]),
        Cow::Owned(mut value) => Cow::Owned(value[key].take()),
    }
}

/// A struct of Go's, whose fields are fixed, rather than a map: JSON does not say which, its keys do.
fn is_record(object: &Object) -> bool {
    !object.is_empty()
        && object
            .keys()
            .all(|key| key.starts_with(|c: char| c.is_ascii_uppercase()))
}

fn names(object: &Object) -> String {
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.join(", ")
}

/// What a range goes through, with its keys: Go visits a map in the order of its keys.
fn items(value: Evaluated<'_>) -> Result<Vec<(Value, Evaluated<'_>)>, String> {
    fn sorted<V>(entries: impl Iterator<Item = (String, V)>) -> Vec<(String, V)> {
        let mut entries: Vec<(String, V)> = entries.collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries
    }
    Ok(match value {
        Cow::Borrowed(Value::Array(array)) => array
            .iter()
            .enumerate()
            .map(|(index, item)| (index.into(), Cow::Borrowed(item)))
            .collect(),
        Cow::Owned(Value::Array(array)) => array
            .into_iter()
            .enumerate()
            .map(|(index, item)| (index.into(), Cow::Owned(item)))
            .collect(),
        Cow::Borrowed(Value::Object(object)) => {
            let entries = sorted(object.iter().map(|(key, item)| (key.clone(), item)));
            entries
                .into_iter()
                .map(|(key, item)| (key.into(), Cow::Borrowed(item)))
                .collect()
        }
        Cow::Owned(Value::Object(object)) => sorted(object.into_iter())
            .into_iter()
            .map(|(key, item)| (key.into(), Cow::Owned(item)))
            .collect(),
        value if value.is_null() => Vec::new(),
        value => {
            return Err(format!(
                "range can't iterate over {}",
                printing::print(&value)
            ));
        }
    })
}

/// What `if` takes for true: anything but the zero of its type.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(array) => !array.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}
