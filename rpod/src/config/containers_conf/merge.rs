//! What a later file says goes into what earlier ones said, key by key.

use toml::value::Array;
use toml::{Table, Value};

pub(super) fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => add(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// A list takes the place of an earlier one, but for one with `{append=true}` in it, and those after that until `{append=false}`.
fn add(old: &mut Array, mut new: Array) {
    let mark = new.iter().chain(old.iter()).find_map(append);
    old.retain(|item| mark == Some(true) && append(item).is_none());
    new.retain(|item| append(item).is_none());
    old.append(&mut new);
    if let Some(append) = mark {
        let mark = Table::from_iter([("append".to_owned(), append.into())]);
        old.push(mark.into());
    }
}

fn append(item: &Value) -> Option<bool> {
    item.as_table()?.get("append")?.as_bool()
}

/// Only strings and the like are left in lists.
pub(super) fn drop_marks(value: &mut Value) {
    match value {
        Value::Array(items) => items.retain(|item| append(item).is_none()),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| drop_marks(value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::ContainersConf;

    #[test]
    fn lists_are_appended_from_the_first_that_says_so() {
        let of = |texts: &[&str]| {
            let mut merged = Table::new();
            for text in texts {
                merge(&mut merged, text.parse().unwrap());
            }
            let mut merged = Value::Table(merged);
            drop_marks(&mut merged);
            let conf: ContainersConf = merged.try_into().unwrap();
            conf.containers.env.unwrap()
        };
        let lists = [
            "[containers]\nenv=['A']",
            "[containers]\nenv=['B',{append=true}]",
            "[containers]\nenv=['C']",
            "[containers]\nenv=[{append=false},'D']",
            "[containers]\nenv=['E']",
        ];
        assert_eq!(of(&lists[..2]), ["A", "B"]);
        assert_eq!(of(&lists[1..3]), ["B", "C"]);
        assert_eq!(of(&lists[..4]), ["D"]);
        assert_eq!(of(&lists), ["E"]);
    }

    #[test]
    fn later_files_win_key_by_key() {
        let mut merged: Table = "[engine]\nruntime='a'\ncgroup_manager='systemd'"
            .parse()
            .unwrap();
        merge(&mut merged, "[engine]\nruntime='b'".parse().unwrap());
        let conf: ContainersConf = Value::Table(merged).try_into().unwrap();
        assert_eq!(conf.engine.runtime.as_deref(), Some("b"));
        assert_eq!(conf.engine.cgroup_manager.as_deref(), Some("systemd"));
    }
}
