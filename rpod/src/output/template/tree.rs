//! The tree that the parser makes and the evaluator walks. Offsets are bytes of the template's text.

use serde_json::Value;

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If {
        branches: Vec<(Pipeline, Vec<Node>)>,
        otherwise: Vec<Node>,
    },
    With {
        branches: Vec<(Pipeline, Vec<Node>)>,
        otherwise: Vec<Node>,
    },
    Range {
        over: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Break,
    Continue,
}

/// `$a, $b := command | command | …`
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) offset: usize,
    pub(super) variables: Vec<String>,
    pub(super) binding: Binding,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Binding {
    None,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// An operand and, where it is a function or a method, its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) operand: Operand,
    pub(super) arguments: Vec<Operand>,
}

#[derive(Debug)]
pub(super) struct Operand {
    pub(super) offset: usize,
    pub(super) kind: Kind,
    /// `.Config.Labels` after the operand: each name with its offset.
    pub(super) fields: Vec<(usize, String)>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Dot,
    Nil,
    Literal(Value),
    /// Without the `$`: empty for `$` itself.
    Variable(String),
    Function(String),
    Pipeline(Box<Pipeline>),
}
