//! Several at work at once, of whom one is heard: the first in line. What the others say is kept until it is their turn.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::terminal;

/// Where what is told of one piece of work goes.
#[derive(Clone, Debug)]
pub enum Output {
    Quiet,
    /// At once.
    Heard,
    InTurn(Arc<Turn>),
}

/// The line.
#[derive(Debug, Default)]
pub struct Turns {
    line: Mutex<Line>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    /// Who is heard.
    first: usize,
    /// Who comes last, and one.
    end: usize,
    /// By who said it.
    kept: HashMap<usize, Vec<Said>>,
}

#[derive(Debug)]
enum Said {
    Told(Vec<u8>),
    Complained(String),
}

/// A place in the line. Leaving it waits until it is the first.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    number: usize,
}

impl Output {
    /// Writes a line to stdout; see [`terminal::line`].
    pub fn line(&self, text: &str) -> Result<()> {
        self.write(format!("{text}\n").as_bytes())
    }

    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Quiet => Ok(()),
            Self::Heard => terminal::write(bytes),
            Self::InTurn(turn) => turn.say(Said::Told(bytes.to_vec())),
        }
    }

    /// Whether what is written now is also seen now.
    pub fn is_heard(&self) -> bool {
        match self {
            Self::Quiet => false,
            Self::Heard => true,
            Self::InTurn(turn) => turn.line().first == turn.number,
        }
    }
}

impl Turns {
    /// The next place.
    pub fn take(self: &Arc<Self>) -> Arc<Turn> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let number = line.end;
        line.end += 1;
        Arc::new(Turn {
            turns: Arc::clone(self),
            number,
        })
    }
}

impl Turn {
    /// Writes a line to stderr.
    pub fn complain(&self, text: &str) {
        // Of stderr there are no errors.
        self.say(Said::Complained(text.to_owned())).ok();
    }

    /// Waits to be the first: what all before have said is seen, and what this one has.
    pub fn wait(&self) {
        let mut line = self.line();
        while line.first != self.number {
            line = self
                .turns
                .moved
                .wait(line)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn say(&self, said: Said) -> Result<()> {
        let mut line = self.line();
        if line.first == self.number {
            return said.aloud();
        }
        line.kept.entry(self.number).or_default().push(said);
        Ok(())
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.turns
            .line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.wait();
        let mut line = self.line();
        line.first += 1;
        let first = line.first;
        for said in line.kept.remove(&first).into_iter().flatten() {
            // A stdout that cannot be written to tells so again at the next line.
            said.aloud().ok();
        }
        self.turns.moved.notify_all();
    }
}

impl Said {
    fn aloud(self) -> Result<()> {
        match self {
            Self::Told(bytes) => terminal::write(&bytes),
            Self::Complained(text) => {
                terminal::complain(&text);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Whoever is done first waits for those before.
    #[test]
    fn work_ends_in_the_order_in_which_it_was_begun() {
        let turns = Arc::new(Turns::default());
        let ended = Mutex::new(Vec::new());
        let all: Vec<Arc<Turn>> = (0..5).map(|_| turns.take()).collect();
        assert!(Output::InTurn(Arc::clone(&all[0])).is_heard());
        assert!(!Output::InTurn(Arc::clone(&all[1])).is_heard());
        thread::scope(|scope| {
            for (n, turn) in all.into_iter().enumerate().rev() {
                let ended = &ended;
                scope.spawn(move || {
                    turn.wait();
                    ended.lock().unwrap_or_else(PoisonError::into_inner).push(n);
                });
            }
        });
        let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(ended, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_is_said_out_of_turn_is_kept() {
        let turns = Arc::new(Turns::default());
        let (first, second) = (turns.take(), turns.take());
        second.complain("later");
        assert_eq!(second.line().kept.len(), 1);
        drop(first);
        assert!(second.line().kept.is_empty());
        second.wait();
    }
}
