//! Many things, of which one may be damaged: that hides none of the others, and is told.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use thiserror::Error;

use crate::output::warn;

/// What cannot be read, by its name, and the way out. The cause names the file.
#[derive(Debug, Error)]
#[error("{thing} is damaged ({remedy})")]
pub struct Damaged {
    thing: String,
    remedy: String,
}

impl Damaged {
    pub fn with(thing: impl Display, remedy: impl Display) -> Damaged {
        Damaged {
            thing: thing.to_string(),
            remedy: remedy.to_string(),
        }
    }
}

/// Says of an error that it is the damage of this thing.
pub fn damaged(thing: impl Display, error: anyhow::Error) -> anyhow::Error {
    const REMEDY: &str = "\"rpod system check --repair\" mends it, or says what can be done";
    error.context(Damaged::with(thing, REMEDY))
}

/// Those that can be read, and why the others cannot.
#[derive(Debug)]
pub struct Readable<T> {
    pub whole: Vec<T>,
    pub damaged: Vec<anyhow::Error>,
}

impl<T> Default for Readable<T> {
    fn default() -> Self {
        Readable {
            whole: Vec::new(),
            damaged: Vec::new(),
        }
    }
}

impl<T> Readable<T> {
    /// Takes one more in; nothing is no damage.
    pub fn add(&mut self, read: Result<Option<T>>) {
        match read {
            Ok(one) => self.whole.extend(one),
            Err(error) => self.damaged.push(error),
        }
    }

    /// Those that can be read; of each other one a person is told.
    pub fn told(self) -> Vec<T> {
        self.damaged.iter().for_each(tell);
        self.whole
    }

    /// Fails if any is damaged, for whoever has to know all of them.
    pub fn all(mut self) -> Result<Vec<T>> {
        self.damaged.pop().map_or(Ok(self.whole), Err)
    }
}

/// Warns of a damage, once a command.
pub fn tell(error: &anyhow::Error) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let text = format!("{error:#}");
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if !told.contains(&text) {
        warn(&text);
        told.insert(text);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn damage_hides_nothing() {
        let mut all = Readable::default();
        all.add(Ok(Some(1)));
        all.add(Err(damaged("volume x", anyhow!("x.json is cut short"))));
        all.add(Ok(None));
        all.add(Ok(Some(2)));
        assert!(all.damaged[0].is::<Damaged>());
        let said = format!("{:#}", all.damaged[0]);
        assert!(
            said.starts_with("volume x is damaged") && said.ends_with(": x.json is cut short"),
            "{said}"
        );
        assert_eq!(all.whole, [1, 2]);
        assert!(all.all().is_err());
    }
}
