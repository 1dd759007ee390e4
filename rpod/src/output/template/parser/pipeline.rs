//! What stands in an action: commands of operands, joined by pipes.

use serde_json::Value;

use super::super::Fault;
use super::super::functions;
use super::super::lexer::Token;
use super::super::tree::{Binding, Command, Kind, Operand, Pipeline};
use super::{Parser, Until};

impl Parser {
    /// Commands joined by `|`, up to and with what ends them; `keyword` is what cannot do without.
    pub(super) fn pipeline(&mut self, keyword: &str, until: Until) -> Result<Pipeline, Fault> {
        self.skip_space();
        let offset = self
            .tokens
            .get(self.at)
            .map_or(self.offset, |(offset, _)| *offset);
        let (variables, binding) = self.binding(until)?;
        let mut commands = Vec::new();
        loop {
            let missing = if commands.is_empty() {
                keyword
            } else {
                "command"
            };
            commands.push(self.command(missing)?);
            match self.next() {
                Some(Token::Pipe) => {}
                Some(Token::Close) if until != Until::Parenthesis => break,
                Some(Token::CloseParenthesis) if until == Until::Parenthesis => break,
                Some(Token::CloseParenthesis) => return Err(self.fault("unexpected right paren")),
                _ => return Err(self.fault("unclosed left paren")),
            }
        }
        let mut stages = (1..).zip(&commands).skip(1);
        if let Some((stage, command)) = stages.find(|(_, command)| !command.can_take_a_value()) {
            return Err(Fault::new(
                command.operand.offset,
                format!("non executable command in pipeline stage {stage}"),
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
    fn command(&mut self, missing: &str) -> Result<Command, Fault> {
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
            None => Err(self.fault(format!("missing value for {missing}"))),
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
                let inner = self.deeper(|parser| {
                    parser.pipeline("parenthesized pipeline", Until::Parenthesis)
                })?;
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

impl Command {
    /// Only a function or a method can receive the value of the command before it.
    fn can_take_a_value(&self) -> bool {
        matches!(self.operand.kind, Kind::Function(_)) || !self.operand.fields.is_empty()
    }
}
