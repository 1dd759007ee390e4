//! From tokens to the tree: recursive descent, with a limit on how deep a template may nest.

use serde_json::Value;

use super::Fault;
use super::functions;
use super::lexer::{Spanned, Token};
use super::tree::{Binding, Command, Kind, Node, Operand, Pipeline};

const MAX_DEPTH: usize = 64;

pub(super) fn parse(tokens: Vec<Spanned>) -> Result<Vec<Node>, Fault> {
    let mut parser = Parser {
        tokens,
        at: 0,
        variables: vec![String::new()],
        offset: 0,
        depth: 0,
        loops: 0,
    };
    let (nodes, end) = parser.nodes()?;
    match end {
        End::OfText => Ok(nodes),
        End::Branch(_) | End::Else => Err(parser.fault("unexpected {{else}}")),
        End::Close => Err(parser.fault("unexpected {{end}}")),
    }
}

struct Parser {
    tokens: Vec<Spanned>,
    /// The next token to read.
    at: usize,
    /// Every variable in scope: an undefined one is a syntax error.
    variables: Vec<String>,
    /// Of the token read last.
    offset: usize,
    depth: usize,
    loops: usize,
}

/// What ended a list of nodes.
enum End {
    OfText,
    Close,
    Else,
    /// `{{else if …}}` or `{{else with …}}`
    Branch(Pipeline),
}

impl Parser {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.offset, message)
    }

    fn next(&mut self) -> Option<Token> {
        let (offset, token) = self.tokens.get(self.at)?.clone();
        self.at += 1;
        self.offset = offset;
        Some(token)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.next();
        }
    }

    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn nodes(&mut self) -> Result<(Vec<Node>, End), Fault> {
        let mut nodes = Vec::new();
        while let Some(token) = self.next() {
            match token {
                Token::Text(text) => nodes.push(Node::Text(text)),
                _ => {
                    self.skip_space();
                    match self.control()? {
                        Control::Node(node) => nodes.push(node),
                        Control::End(end) => return Ok((nodes, end)),
                    }
                }
            }
        }
        Ok((nodes, End::OfText))
    }

    /// One action, its opening braces already read.
    fn control(&mut self) -> Result<Control, Fault> {
        let keyword = match self.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => String::new(),
        };
        let node = match keyword.as_str() {
            "if" | "with" => self.branching(&keyword)?,
            "range" => self.range()?,
            "break" | "continue" => self.leave_loop(&keyword)?,
            "end" => {
                self.next();
                self.close()?;
                return Ok(Control::End(End::Close));
            }
            "else" => return Ok(Control::End(self.otherwise()?)),
            "define" | "block" | "template" => {
                return Err(self.fault(format!("{keyword} is not supported in a format")));
            }
            _ => {
                let pipeline = self.pipeline(Until::Close)?;
                Node::Action(pipeline)
            }
        };
        Ok(Control::Node(node))
    }

    fn close(&mut self) -> Result<(), Fault> {
        self.skip_space();
        match self.next() {
            Some(Token::Close) => Ok(()),
            _ => Err(self.fault("unexpected text before }}")),
        }
    }

    /// `{{else}}`, `{{else if …}}`, `{{else with …}}`
    fn otherwise(&mut self) -> Result<End, Fault> {
        self.next();
        self.skip_space();
        match self.peek() {
            Some(Token::Word(word)) if word == "if" || word == "with" => {
                self.next();
                Ok(End::Branch(self.pipeline(Until::Close)?))
            }
            _ => {
                self.close()?;
                Ok(End::Else)
            }
        }
    }

    /// `if` and `with`: branches, each a condition and what it guards, then perhaps an `else`.
    fn branching(&mut self, keyword: &str) -> Result<Node, Fault> {
        self.next();
        self.deeper(|parser| {
            let scope = parser.variables.len();
            let mut condition = parser.pipeline(Until::Close)?;
            let mut branches = Vec::new();
            let mut otherwise = Vec::new();
            loop {
                let (body, end) = parser.nodes()?;
                branches.push((condition, body));
                match end {
                    End::Branch(next) => condition = next,
                    End::Close => break,
                    End::OfText => return Err(parser.fault("unexpected EOF")),
                    End::Else => {
                        otherwise = parser.last_branch()?;
                        break;
                    }
                }
            }
            parser.variables.truncate(scope);
            Ok(match keyword {
                "if" => Node::If {
                    branches,
                    otherwise,
                },
                _ => Node::With {
                    branches,
                    otherwise,
                },
            })
        })
    }

    fn range(&mut self) -> Result<Node, Fault> {
        self.next();
        self.deeper(|parser| {
            let scope = parser.variables.len();
            let over = parser.pipeline(Until::CloseOfRange)?;
            parser.loops += 1;
            let (body, end) = parser.nodes()?;
            parser.loops -= 1;
            let otherwise = match end {
                End::Close => Vec::new(),
                End::Else => parser.last_branch()?,
                End::Branch(_) => return Err(parser.fault("a range has no {{else if}}")),
                End::OfText => return Err(parser.fault("unexpected EOF")),
            };
            parser.variables.truncate(scope);
            Ok(Node::Range {
                over,
                body,
                otherwise,
            })
        })
    }

    fn last_branch(&mut self) -> Result<Vec<Node>, Fault> {
        match self.nodes()? {
            (nodes, End::Close) => Ok(nodes),
            (_, End::OfText) => Err(self.fault("unexpected EOF")),
            _ => Err(self.fault("expected end; found {{else}}")),
        }
    }

    fn leave_loop(&mut self, keyword: &str) -> Result<Node, Fault> {
        self.next();
        if self.loops == 0 {
            return Err(self.fault(format!("{{{{{keyword}}}}} outside {{{{range}}}}")));
        }
        self.close()?;
        Ok(if keyword == "break" {
            Node::Break
        } else {
            Node::Continue
        })
    }

    /// Commands joined by `|`, up to and with what ends them.
    fn pipeline(&mut self, until: Until) -> Result<Pipeline, Fault> {
        self.skip_space();
        let offset = self
            .tokens
            .get(self.at)
            .map_or(self.offset, |(offset, _)| *offset);
        let (variables, binding) = self.binding(until)?;
        let mut commands = Vec::new();
        loop {
            commands.push(self.command()?);
            match self.next() {
                Some(Token::Pipe) => {}
                Some(Token::Close) if until != Until::Parenthesis => break,
                Some(Token::CloseParenthesis) if until == Until::Parenthesis => break,
                Some(Token::CloseParenthesis) => return Err(self.fault("unexpected right paren")),
                _ => return Err(self.fault("unclosed left paren")),
            }
        }
        if let Some(command) = commands
            .iter()
            .skip(1)
            .find(|command| !command.can_take_a_value())
        {
            return Err(Fault::new(
                command.operand.offset,
                "non executable command in pipeline",
            ));
        }
        if binding == Binding::Declare {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipeline {
            offset,
            variables,
            binding,
            commands,
        })
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn binding(&mut self, until: Until) -> Result<(Vec<String>, Binding), Fault> {
        // A variable is only bound if `:=` or `=` follows: look ahead before reading.
        let mut ahead = self.tokens[self.at..]
            .iter()
            .map(|(_, token)| token)
            .filter(|token| **token != Token::Space);
        let mut variables = Vec::new();
        let binding = loop {
            match ahead.next() {
                Some(Token::Variable(name)) => variables.push(name.clone()),
                _ => return Ok((Vec::new(), Binding::None)),
            }
            match ahead.next() {
                Some(Token::Declare) => break Binding::Declare,
                Some(Token::Assign) => break Binding::Assign,
                Some(Token::Comma) => {}
                _ => return Ok((Vec::new(), Binding::None)),
            }
        };
        if variables.len() > if until == Until::CloseOfRange { 2 } else { 1 } {
            return Err(self.fault("too many declarations"));
        }
        while !matches!(self.next(), None | Some(Token::Declare | Token::Assign)) {}
        if binding == Binding::Assign
            && let Some(name) = variables.iter().find(|name| !self.variables.contains(name))
        {
            return Err(self.fault(format!("undefined variable \"${name}\"")));
        }
        Ok((variables, binding))
    }

    /// Operands up to what ends the command, which is left unread.
    fn command(&mut self) -> Result<Command, Fault> {
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None => return Err(self.fault("unclosed action")),
                Some(Token::Pipe | Token::Close | Token::CloseParenthesis) => break,
                Some(_) => operands.push(self.operand()?),
            }
            if !matches!(
                self.peek(),
                Some(Token::Space | Token::Pipe | Token::Close | Token::CloseParenthesis)
            ) {
                return Err(self.fault("unexpected text in operand"));
            }
        }
        let mut operands = operands.into_iter();
        match operands.next() {
            Some(operand) => Ok(Command {
                operand,
                arguments: operands.collect(),
            }),
            None => Err(self.fault("missing value for command")),
        }
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let mut fields = Vec::new();
        let Some(token) = self.next() else {
            return Err(self.fault("unclosed action"));
        };
        let offset = self.offset;
        let kind = match token {
            Token::Dot => Kind::Dot,
            Token::Field(name) => {
                fields.push((offset, name));
                Kind::Dot
            }
            Token::Variable(name) if self.variables.contains(&name) => Kind::Variable(name),
            Token::Variable(name) => {
                return Err(self.fault(format!("undefined variable \"${name}\"")));
            }
            Token::Literal(value) => Kind::Literal(value),
            Token::Word(word) => match word.as_str() {
                "true" => Kind::Literal(Value::Bool(true)),
                "false" => Kind::Literal(Value::Bool(false)),
                "nil" => Kind::Nil,
                name if functions::exists(name) => Kind::Function(word),
                _ => return Err(self.fault(format!("function \"{word}\" not defined"))),
            },
            Token::OpenParenthesis => {
                let inner = self.deeper(|parser| parser.pipeline(Until::Parenthesis))?;
                Kind::Pipeline(Box::new(inner))
            }
            _ => return Err(self.fault("unexpected text in command")),
        };
        while let Some(Token::Field(_)) = self.peek() {
            if let Some(Token::Field(name)) = self.next() {
                fields.push((self.offset, name));
            }
        }
        Ok(Operand {
            offset,
            kind,
            fields,
        })
    }
}

enum Control {
    Node(Node),
    End(End),
}

#[derive(Clone, Copy, PartialEq)]
enum Until {
    Close,
    CloseOfRange,
    Parenthesis,
}

impl Command {
    /// Only a function or a method can receive the value of the command before it.
    fn can_take_a_value(&self) -> bool {
        matches!(self.operand.kind, Kind::Function(_)) || !self.operand.fields.is_empty()
    }
}
