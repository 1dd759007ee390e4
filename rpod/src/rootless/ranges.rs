//! The subordinate ids that an administrator gave to a user: subuid(5), subgid(5).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::unistd::Uid;

use crate::users;

pub const SUBUID: &str = "/etc/subuid";
pub const SUBGID: &str = "/etc/subgid";

/// `count` ids of the host from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub start: u32,
    pub count: u32,
}

/// The ranges of a user in a file; none if there is no such file.
pub fn of_user(file: &str, uid: u32) -> Result<Vec<Range>> {
    let user = users::by_id(Uid::from_raw(uid))?;
    let name = user.map_or_else(String::new, |user| user.name);
    of_names(file, &[name, uid.to_string()])
}

/// The ranges of an entry by its name.
pub fn of_name(file: &str, name: &str) -> Result<Vec<Range>> {
    of_names(file, &[name.to_owned()])
}

fn of_names(file: &str, names: &[String]) -> Result<Vec<Range>> {
    match fs::read_to_string(Path::new(file)) {
        Ok(text) => Ok(parse(&text, names)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("reading {file}")),
    }
}

/// Lines are `name:start:count`; what is none is passed over, as shadow's own tools do.
fn parse(text: &str, names: &[String]) -> Vec<Range> {
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let (start, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let is_whole =
            fields.next().is_none() && count > 0 && u32::checked_add(start, count).is_some();
        let is_asked = names.iter().any(|asked| !asked.is_empty() && asked == name);
        (is_whole && is_asked).then_some(Range { start, count })
    };
    text.lines().filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_or_numbered() {
        let text = "# none\nann:100000:65536\n1000:200000:10\nbob:1:2\nann:5\nann:1:0\nann:1:2:3\nann:4294967295:2\n";
        let names = ["ann".to_owned(), "1000".to_owned()];
        let range = |start, count| Range { start, count };
        assert_eq!(
            parse(text, &names),
            [range(100_000, 65536), range(200_000, 10)]
        );
        assert!(parse(text, &[String::new()]).is_empty());
    }
}
