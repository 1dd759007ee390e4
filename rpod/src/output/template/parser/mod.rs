//! From tokens to the tree: recursive descent, with a limit on how deep a template may nest.

mod pipeline;

use super::Fault;
use super::lexer::{Spanned, Token};
use super::tree::{Node, Pipeline};

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
                let pipeline = self.pipeline("command", Until::Close)?;
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
                let keyword = word.clone();
                self.next();
                Ok(End::Branch(self.pipeline(&keyword, Until::Close)?))
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
            let mut condition = parser.pipeline(keyword, Until::Close)?;
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
            let over = parser.pipeline("range", Until::CloseOfRange)?;
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
