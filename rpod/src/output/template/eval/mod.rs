//! Walks the tree and writes the text.

mod values;

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde_json::Value;

use values::{is_record, items, key, member, names};

pub(super) use values::is_true;

use super::tree::{Binding, Command, Kind, Node, Operand, Pipeline};
use super::{FIELDS, Fault, Methods, NIL, functions, moment, nil, printing};

type Evaluated<'a> = Cow<'a, Value>;

pub(super) fn execute(nodes: &[Node], dot: &Value, methods: Methods) -> Result<String, Fault> {
    let mut state = State {
        output: String::new(),
        methods,
        root: dot,
        variables: vec![(String::new(), Cow::Borrowed(dot))],
    };
    // The parser lets break and continue stand in a range only, which consumes them.
    let _left_loop = state.walk(nodes, &Cow::Borrowed(dot))?;
    Ok(state.output)
}

struct State<'a> {
    output: String,
    methods: Methods,
    /// What the template is of: a struct of Go's, or a list of them.
    root: &'a Value,
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

    /// The root itself or one of its elements: structs, whatever their JSON is like.
    fn is_of_root(&self, value: &Evaluated<'a>) -> bool {
        let Cow::Borrowed(value) = value else {
            return false;
        };
        let is_it = |one: &Value| std::ptr::eq(*value, one);
        is_it(self.root) || self.root.as_array().into_iter().flatten().any(is_it)
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
        if let Some(time) = moment::of(&value) {
            return match moment::method(time, name, arguments) {
                Some(computed) => Ok(Cow::Owned(computed)),
                None => fail(format!("can't evaluate field {name} in type time.Time")),
            };
        }
        if !arguments.is_empty() {
            return fail(format!(
                "{name} has arguments but cannot be invoked as function"
            ));
        }
        let value = nil::made(&value).map_or(value, Cow::Owned);
        let Value::Object(object) = &*value else {
            return match &*value {
                nil if nil.is_null() || nil == NIL => {
                    fail(format!("nil pointer evaluating {name}"))
                }
                other => fail(format!(
                    "can't evaluate field {name} in type {}",
                    printing::type_name(other)
                )),
            };
        };
        match key(object, name) {
            Some(key) => Ok(member(value, key)),
            None => {
                let told = (self.methods)(&value, FIELDS, &[]);
                let fields = match &told {
                    Some(fields) => fields.as_str().map(str::to_owned),
                    None if is_record(object) || self.is_of_root(&value) => Some(names(object)),
                    None => None,
                };
                match fields {
                    Some(fields) => fail(format!(
                        "can't evaluate field {name} in type interface {{}}: the fields here are {fields}"
                    )),
                    None => Ok(Cow::Owned(Value::Null)),
                }
            }
        }
    }
}
