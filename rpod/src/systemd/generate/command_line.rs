//! The command line that made a container or a pod, taken apart.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The options before the command.
    pub globals: Vec<String>,
    /// `run`, `create`, `pod create`; a noun that could be left out is.
    pub verb: String,
    pub options: Vec<Given>,
    /// What follows the options: the image and its command.
    pub words: Vec<String>,
}

/// An option as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its long name without dashes.
    pub name: String,
    pub value: Option<String>,
    /// As it was typed. Of letters that share a word the first has it.
    pub text: Vec<String>,
}

impl CommandLine {
    /// The value of an option, of which the last counts.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let given = self.options.iter().rev().find(|given| given.name == name)?;
        given.value.as_deref()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|given| given.name == name)
    }

    /// A switch that was given, and not as `--name=false`.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.has(name) && !self.value(name).is_some_and(is_false)
    }

    pub(super) fn remove(&mut self, names: &[&str]) {
        self.options
            .retain(|given| !names.contains(&given.name.as_str()));
    }

    /// The options and what follows them.
    pub(super) fn rest(&self) -> impl Iterator<Item = &str> {
        let options = self.options.iter().flat_map(|given| &given.text);
        options.chain(&self.words).map(String::as_str)
    }
}

fn is_false(text: &str) -> bool {
    matches!(text, "0" | "f" | "F" | "false" | "FALSE" | "False")
}
