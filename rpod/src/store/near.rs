//! What was looked for in vain, and the name that is like it.

use std::fmt;

/// A name that nothing has. Shown, it is the hint that goes after an error: empty where no name is close.
#[derive(Debug)]
pub struct Missing {
    pub name: String,
    near: Option<String>,
}

impl Missing {
    /// Among these names something may be meant.
    pub fn among(name: &str, names: impl IntoIterator<Item = impl AsRef<str>>) -> Missing {
        let most = match name.chars().count() {
            0..=2 => 0,
            3..=5 => 1,
            _ => 2,
        };
        let near = names
            .into_iter()
            .map(|candidate| (distance(name, candidate.as_ref()), candidate))
            .filter(|(distance, _)| (1..=most).contains(distance))
            .min_by(|(a, one), (b, other)| (a, one.as_ref()).cmp(&(b, other.as_ref())))
            .map(|(_, candidate)| candidate.as_ref().to_owned());
        Missing {
            name: name.to_owned(),
            near,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.near {
            Some(near) => write!(f, " (did you mean {near:?}?)"),
            None => Ok(()),
        }
    }
}

/// How many letters have to be put in, left out, changed or swapped with their neighbour.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_suggested_and_far_ones_are_not() {
        let names = ["database", "webserver", "web"];
        let hint = |name: &str| Missing::among(name, names).to_string();
        assert_eq!(hint("databse"), " (did you mean \"database\"?)");
        assert_eq!(hint("wbeserver"), " (did you mean \"webserver\"?)");
        assert_eq!(hint("wen"), " (did you mean \"web\"?)");
        assert_eq!(hint("mail") + &hint("x"), "");
    }

    #[test]
    fn distances() {
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("abc", "acb"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
