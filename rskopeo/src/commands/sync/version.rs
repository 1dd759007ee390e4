//! Versions and ranges of them (semver.org, in the notation of Go's Masterminds/semver): `>= 1.2, < 3 || ~4.1`, `1.x`, `1 - 2`.

use std::cmp::Ordering;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};

/// Missing parts are 0; a leading `v` is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    /// `rc.1` of `1.0.0-rc.1`
    pre: String,
}

/// Alternatives, each of comparisons that must all hold.
#[derive(Clone, Debug)]
pub struct Constraint(Vec<Vec<Comparison>>);

#[derive(Clone, Debug)]
struct Comparison {
    operator: &'static str,
    version: Version,
    /// How many of the three numbers were given.
    given: usize,
}

/// The longer before those that they begin with.
const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", ">", "<", "=", "~", "^"];

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (version, given) = partial(text)?;
        if given == 0 {
            bail!("Invalid Semantic Version");
        }
        Ok(version)
    }
}

/// A version whose last parts may be missing, or `x` or `*`; tells how many are there.
fn partial(text: &str) -> Result<(Version, usize)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split('+').next().unwrap_or_default();
    let (numbers, pre) = text.split_once('-').unwrap_or((text, ""));
    let mut parsed = [0; 3];
    let mut given = 0;
    let mut parts = numbers.split('.');
    for number in &mut parsed {
        let Some(part) = parts.next() else { break };
        if ["x", "X", "*"].contains(&part) {
            return Ok((version(parsed, ""), given));
        }
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("Invalid Semantic Version");
        }
        *number = part.parse().context("Invalid Semantic Version")?;
        given += 1;
    }
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if parts.next().is_some() || !pre.bytes().all(alphabet) {
        bail!("Invalid Semantic Version");
    }
    Ok((version(parsed, pre), given))
}

fn version(numbers: [u64; 3], pre: &str) -> Version {
    Version {
        numbers,
        pre: pre.to_owned(),
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_pre(&self.pre, &other.pre),
            }
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Identifier by identifier: numbers as such and before words; the longer list last.
fn compare_pre(one: &str, other: &str) -> Ordering {
    let key = |part: &str| match part.parse::<u64>() {
        Ok(number) => (0, number, String::new()),
        Err(_) => (1, 0, part.to_owned()),
    };
    one.split('.').map(key).cmp(other.split('.').map(key))
}

impl FromStr for Constraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let alternatives = text.split("||").map(alternative);
        alternatives.collect::<Result<_>>().map(Self)
    }
}

fn alternative(text: &str) -> Result<Vec<Comparison>> {
    if let Some((from, to)) = text.split_once(" - ") {
        return Ok(vec![
            comparison(">=", from.trim())?,
            comparison("<=", to.trim())?,
        ]);
    }
    let mut comparisons = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let operator = OPERATORS
            .iter()
            .find(|operator| rest.starts_with(**operator));
        rest = rest[operator.map_or(0, |operator| operator.len())..].trim_start();
        let end = rest.find([' ', ',']).unwrap_or(rest.len());
        comparisons.push(comparison(operator.unwrap_or(&"="), &rest[..end])?);
        rest = rest[end..].trim_start_matches([' ', ',']);
    }
    if comparisons.is_empty() {
        bail!("it is empty");
    }
    Ok(comparisons)
}

fn comparison(operator: &'static str, text: &str) -> Result<Comparison> {
    let (version, given) = partial(text)?;
    Ok(Comparison {
        operator,
        version,
        given,
    })
}

impl Constraint {
    pub fn takes(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|all| all.iter().all(|comparison| comparison.takes(version)))
    }
}

impl Comparison {
    fn takes(&self, version: &Version) -> bool {
        // A pre-release is meant only by who names one.
        if !version.pre.is_empty() && self.version.pre.is_empty() {
            return false;
        }
        let above =
            |depth: usize| -> bool { version.numbers[..depth] == self.version.numbers[..depth] };
        let order = version.cmp(&self.version);
        let within = above(self.given);
        match self.operator {
            "=" if self.given < 3 => within,
            "=" => order.is_eq(),
            "!=" if self.given < 3 => !within,
            "!=" => !order.is_eq(),
            ">" if self.given < 3 => order.is_gt() && !within,
            ">" => order.is_gt(),
            ">=" | "=>" => order.is_ge(),
            "<" => order.is_lt(),
            "<=" | "=<" => order.is_le() || (self.given < 3 && within),
            "~" | "~>" => order.is_ge() && above(self.given.min(2)),
            // Up to the first number that is not 0.
            _ => {
                let first = self.version.numbers.iter().position(|number| *number > 0);
                let fixed = first.map_or(3, |at| at + 1).min(self.given);
                order.is_ge() && above(fixed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges() {
        for (constraint, yes, no) in [
            (
                ">= 3.12.0",
                &["3.12.0", "v3.13", "4"][..],
                &["3.11.9", "3.12.0-rc1"][..],
            ),
            ("^1.2", &["1.2.0", "1.9"], &["1.1", "2.0"]),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "1.0.0"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~1", &["1.0", "1.9"], &["2.0"]),
            ("1.x", &["1.0.0", "1.99.1"], &["2.0.0"]),
            ("*", &["0.0.1", "9"], &["1.0.0-rc1"]),
            ("1.2 - 1.4", &["1.2.0", "1.4.5"], &["1.5.0", "1.1"]),
            (
                ">1.2, <2 || 3",
                &["1.3.0", "3.4.5"],
                &["1.2.5", "2.0.0", "4"],
            ),
            (">=1.0.0-alpha", &["1.0.0-beta", "1.0.0"], &["1.0.0-1"]),
            ("!=1.2.3", &["1.2.4"], &["1.2.3"]),
        ] {
            let parsed: Constraint = constraint.parse().unwrap();
            let takes = |text: &str| parsed.takes(&text.parse().unwrap());
            for version in yes {
                assert!(takes(version), "{constraint} takes {version}");
            }
            for version in no {
                assert!(!takes(version), "{constraint} does not take {version}");
            }
        }
        for word in ["latest", "", "1.2.3.4", "x", "1..2"] {
            assert!(word.parse::<Version>().is_err(), "{word}");
        }
        for word in ["", ">=", "a", "1.2 ||"] {
            assert!(word.parse::<Constraint>().is_err(), "{word}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(constraint in "[0-9.x*v<>=~^!|, a-]{0,30}", version in "[0-9.v+a-]{0,20}") {
            if let (Ok(constraint), Ok(version)) = (constraint.parse::<Constraint>(), version.parse::<Version>()) {
                constraint.takes(&version);
            }
        }
    }
}
