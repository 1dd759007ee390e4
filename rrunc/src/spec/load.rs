//! Read `config.json` and `process.json`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::{Process, Resources, Spec};

/// The configuration's file name in a bundle.
pub(crate) const CONFIG_FILE: &str = "config.json";

/// Read the configuration of a bundle; [`super::check`] is a step of its own.
///
/// # Errors
/// The file is absent or unreadable, or a value in it is not of the
/// specification's type: then the error names the value's path.
pub(crate) fn load(bundle: &Path) -> Result<Spec> {
    let path = bundle.join(CONFIG_FILE);
    let text = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow!("JSON specification file {} not found", path.display()),
        _ => anyhow!("open {}: {error}", path.display()),
    })?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Read the process description that `exec --process` names.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_process(path: &Path) -> Result<Process> {
    let text = fs::read(path).with_context(|| format!("open {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// Read limits in the form of `linux.resources`, as `update` takes them.
///
/// # Errors
/// As [`load`].
pub(crate) fn parse_resources(text: &[u8]) -> Result<Resources> {
    parse(text)
}

/// Parse once at full speed; only a text that fails is read a second time, to
/// learn where.
fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(|_| {
        let located = serde_path_to_error::deserialize::<_, T>(
            &mut serde_json::Deserializer::from_slice(text),
        );
        match located {
            Err(error) if error.path().to_string() != "." => {
                anyhow!("{}: {}", error.path(), error.inner())
            }
            Err(error) => anyhow!("{}", error.inner()),
            Ok(_) => anyhow!("text after the end of the JSON value"),
        }
    })
}

/// Go's encoder writes `null` for a list that is not there.
pub(super) fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// An empty path is the same as none.
pub(super) fn empty_as_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    Ok(Option::<PathBuf>::deserialize(deserializer)?.filter(|path| !path.as_os_str().is_empty()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        let text = br#"{"ociVersion":"1.0.0","process":{"user":{"uid":"root"}}}"#;
        let error = parse::<Spec>(text).unwrap_err().to_string();
        assert!(
            error.starts_with("process.user.uid: invalid type: string \"root\""),
            "{error}"
        );
    }

    #[test]
    fn null_lists_are_empty_lists() {
        let spec: Spec = parse(br#"{"process":{"args":null,"env":null,"rlimits":null}}"#).unwrap();
        assert!(spec.process.unwrap().args.is_empty());
    }

    #[test]
    fn an_empty_namespace_path_makes_one() {
        let spec: Spec =
            parse(br#"{"linux":{"namespaces":[{"type":"network","path":""}]}}"#).unwrap();
        assert!(spec.linux.makes(super::super::NamespaceKind::Network));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: Vec<u8>) {
            let _unread = parse::<Spec>(&text);
        }
    }
}
