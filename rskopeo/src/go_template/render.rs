//! From a tree and a value to text.

use anyhow::{Context, Result, bail};

use super::functions;
use super::parse::{Branch, Call, Node, Pipe, Term, Tree};
use super::value::Value;

/// Templates that call each other deeper than this are refused.
const DEPTH: usize = 100;

/// What is written, at most: a template may double its own text over and over.
const MAX_OUTPUT: usize = 64 << 20;

/// Renders the tree for `value`.
pub(super) fn tree(tree: &Tree, value: &Value) -> Result<String> {
    let mut state = State {
        tree,
        variables: Vec::new(),
        output: String::new(),
        depth: 0,
    };
    state.called(&tree.nodes, value)?;
    Ok(state.output)
}

struct State<'a> {
    tree: &'a Tree,
    /// Of the template that is rendered, the newest last; the first is the root.
    variables: Vec<(String, Value)>,
    output: String,
    depth: usize,
}

/// What becomes of the nodes that follow.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl State<'_> {
    /// One template as a whole.
    fn called(&mut self, nodes: &[Node], dot: &Value) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            bail!("exceeded maximum template depth ({DEPTH})");
        }
        let root = vec![(String::new(), dot.clone())];
        let outer = std::mem::replace(&mut self.variables, root);
        self.nodes(nodes, dot)?;
        self.variables = outer;
        self.depth -= 1;
        Ok(())
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        for node in nodes {
            let flow = match node {
                Node::Text(text) => self.write(text)?,
                Node::Show(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    // What gets a name is not shown.
                    match pipe.names.is_empty() {
                        true => self.write(&value.shown())?,
                        false => Flow::On,
                    }
                }
                Node::If(branch) => self.scoped(|state| {
                    let holds = state.pipe(&branch.over, dot)?.holds();
                    state.nodes(
                        if holds {
                            &branch.body
                        } else {
                            &branch.otherwise
                        },
                        dot,
                    )
                })?,
                Node::With(branch) => {
                    self.scoped(|state| match state.pipe(&branch.over, dot)? {
                        value if value.holds() => state.nodes(&branch.body, &value),
                        _ => state.nodes(&branch.otherwise, dot),
                    })?
                }
                Node::Range(branch) => self.scoped(|state| state.range(branch, dot))?,
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
                Node::Template(name, pipe) => self.template(name, pipe.as_ref(), dot)?,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn write(&mut self, text: &str) -> Result<Flow> {
        if self.output.len() + text.len() > MAX_OUTPUT {
            bail!("it renders to more than {MAX_OUTPUT} bytes");
        }
        self.output.push_str(text);
        Ok(Flow::On)
    }

    /// Names that are given inside end with it.
    fn scoped<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let known = self.variables.len();
        let done = inside(self);
        self.variables.truncate(known);
        done
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow> {
        let items = items(self.calls(&branch.over, dot)?)?;
        if items.is_empty() {
            return self.nodes(&branch.otherwise, dot);
        }
        for (key, item) in items {
            let flow = self.scoped(|state| {
                match branch.over.names.as_slice() {
                    [] => {}
                    [name] => state.name(name, item.clone(), branch.over.declares)?,
                    [first, second, ..] => {
                        state.name(first, key, branch.over.declares)?;
                        state.name(second, item.clone(), branch.over.declares)?;
                    }
                }
                state.nodes(&branch.body, &item)
            })?;
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn template(&mut self, name: &str, pipe: Option<&Pipe>, dot: &Value) -> Result<Flow> {
        let tree = self.tree;
        let nodes = tree.defined.get(name);
        let nodes = nodes.with_context(|| format!("template {name:?} not defined"))?;
        let dot = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Missing,
        };
        self.called(nodes, &dot)?;
        Ok(Flow::On)
    }

    fn name(&mut self, name: &str, value: Value, is_new: bool) -> Result<()> {
        if is_new {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        let known = self.variables.iter_mut().rev();
        match known.into_iter().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => bail!("undefined variable \"${name}\""),
        }
        Ok(())
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let value = self.calls(pipe, dot)?;
        for name in &pipe.names {
            self.name(name, value.clone(), pipe.declares)?;
        }
        Ok(value)
    }

    fn calls(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value> {
        let mut given = None;
        for call in &pipe.calls {
            given = Some(self.call(call, given, dot)?);
        }
        Ok(given.unwrap_or(Value::Missing))
    }

    fn call(&mut self, call: &Call, given: Option<Value>, dot: &Value) -> Result<Value> {
        let [first, rest @ ..] = call.as_slice() else {
            return Ok(Value::Missing);
        };
        let mut arguments = Vec::with_capacity(rest.len() + 1);
        for term in rest {
            arguments.push(self.term(term, dot)?);
        }
        arguments.extend(given);
        match first {
            Term::Function(name) => functions::call(name, &arguments),
            Term::Nil => bail!("nil is not a command"),
            Term::Field(path) => dot.field(path, &arguments),
            Term::Variable(name, path) => self.variable(name)?.field(path, &arguments),
            first if arguments.is_empty() => self.term(first, dot),
            _ => bail!("can't give argument to non-function"),
        }
    }

    fn term(&mut self, term: &Term, dot: &Value) -> Result<Value> {
        Ok(match term {
            Term::Field(path) => dot.field(path, &[])?,
            Term::Variable(name, path) => self.variable(name)?.field(path, &[])?,
            Term::Text(text) => Value::Text(text.clone()),
            Term::Number(number) => Value::Number(*number),
            Term::Float(number) => Value::Float(*number),
            Term::Bool(value) => Value::Bool(*value),
            Term::Nil => Value::Nil,
            Term::Function(name) => functions::call(name, &[])?,
            Term::Group(pipe, path) => self.pipe(pipe, dot)?.field(path, &[])?,
        })
    }

    fn variable(&self, name: &str) -> Result<Value> {
        let mut known = self.variables.iter().rev();
        match known.find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => bail!("undefined variable \"${name}\""),
        }
    }
}

fn items(value: Value) -> Result<Vec<(Value, Value)>> {
    let numbered = |items: Vec<Value>| {
        let numbers = (0..).map(Value::Number);
        numbers.zip(items).collect()
    };
    match value {
        Value::List(items) => Ok(numbered(items)),
        Value::Map(items) => Ok(items
            .into_iter()
            .map(|(key, item)| (Value::Text(key), item))
            .collect()),
        Value::Nil | Value::Missing => Ok(Vec::new()),
        other => bail!("range can't iterate over {}", other.shown()),
    }
}
