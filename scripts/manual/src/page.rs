//! One page, out of a command's definition and its words.

use clap::{Arg, ArgAction, Command};
use roff::{Inline, Roff, bold, italic, roman};

use crate::has_page;
use crate::words::{Words, inline};

pub(crate) struct Page<'a> {
    pub(crate) name: &'a str,
    /// Page names of the commands that this one is a part of.
    pub(crate) ancestors: &'a [String],
    pub(crate) command: &'a Command,
    pub(crate) section: u8,
    pub(crate) words: Words,
}

impl Page<'_> {
    pub(crate) fn render(&self) -> String {
        let program = self.ancestors.first().map_or(self.name, String::as_str);
        let book = match self.section {
            8 => "System Administration",
            _ => "General Commands Manual",
        };
        // Without a date: the same definition makes the same page.
        let title = format!(
            ".TH {} {} \"\" \"{program}\" \"{book}\"\n",
            self.name.to_uppercase(),
            self.section
        );
        let mut head = Roff::new();
        head.control("SH", ["NAME"]);
        head.text([roman(format!("{} - {}", self.name, self.about()))]);
        head.control("SH", ["SYNOPSIS"]);
        for (index, form) in self.usage().into_iter().enumerate() {
            if index > 0 {
                head.control("br", []);
            }
            head.text(form);
        }
        let head = title + &head.to_roff();
        format!("{head}{}{}", self.body(), self.see_also())
    }

    /// What does not depend on the name under which the command is reached.
    pub(crate) fn body(&self) -> String {
        let mut body = Roff::new();
        body.control("SH", ["DESCRIPTION"]);
        if !self.words.put(&mut body, "DESCRIPTION") {
            let about = self.command.get_long_about().or(self.command.get_about());
            body.text(inline(&sentence(
                &about.map(ToString::to_string).unwrap_or_default(),
            )));
        }
        self.names(&mut body);
        self.commands(&mut body);
        self.arguments(&mut body, "ARGUMENTS", |arg| arg.is_positional());
        self.arguments(&mut body, "OPTIONS", |arg| !arg.is_positional());
        self.words
            .put_others(&mut body, &["DESCRIPTION", "SEE ALSO"]);
        body.to_roff()
    }

    fn about(&self) -> String {
        let about = self.command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        about.lines().next().unwrap_or_default().to_owned()
    }

    /// `rpod pod rm [OPTIONS] POD…`, the words of the command in bold.
    fn usage(&self) -> Vec<Vec<Inline>> {
        let usage = self.command.clone().render_usage().to_string();
        let invocation = match self.ancestors.last() {
            Some(last) => format!("{} {}", last.replace('-', " "), self.command.get_name()),
            None => self.name.to_owned(),
        };
        usage
            .trim_start_matches("Usage:")
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| match line.strip_prefix(&invocation) {
                Some(rest) => vec![bold(&invocation), roman(plain(rest))],
                None => vec![roman(plain(line))],
            })
            .collect()
    }

    fn names(&self, body: &mut Roff) {
        let aliases: Vec<&str> = self.command.get_visible_aliases().collect();
        if !aliases.is_empty() {
            body.control("PP", []);
            body.text([roman("Also called "), bold(aliases.join(", ")), roman(".")]);
        }
    }

    fn commands(&self, body: &mut Roff) {
        if !self.command.get_subcommands().any(has_page) {
            return;
        }
        body.control("SH", ["COMMANDS"]);
        for sub in self.command.get_subcommands().filter(|sub| has_page(sub)) {
            body.control("TP", []);
            body.text([bold(sub.get_name())]);
            let about = sub.get_about().map(ToString::to_string);
            let mut text = vec![roman(sentence(&about.unwrap_or_default()))];
            text.push(roman(" See "));
            text.extend(self.reference(&format!("{}-{}", self.name, sub.get_name())));
            text.push(roman("."));
            body.text(text);
        }
    }

    fn arguments(&self, body: &mut Roff, heading: &str, wanted: impl Fn(&Arg) -> bool) {
        // An option of the whole program is told on the program's page.
        let mut arguments: Vec<&Arg> = (self.command.get_arguments())
            .filter(|arg| wanted(arg) && !arg.is_hide_set())
            .filter(|arg| self.ancestors.is_empty() || !arg.is_global_set())
            .collect();
        if arguments.is_empty() {
            return;
        }
        if heading == "OPTIONS" {
            arguments.sort_by_key(|arg| arg.get_long().unwrap_or_default().to_owned());
        }
        body.control("SH", [heading]);
        for arg in arguments {
            body.control("TP", []);
            body.text(term(arg));
            let help = arg.get_long_help().or(arg.get_help());
            let mut text = inline(&sentence(
                &help.map(ToString::to_string).unwrap_or_default(),
            ));
            text.extend(values(arg));
            text.extend(default(arg));
            body.text(text);
        }
    }

    /// The pages around this one, then those that the words name.
    fn see_also(&self) -> String {
        let mut references: Vec<Vec<Inline>> = Vec::new();
        references.extend(self.ancestors.iter().map(|name| self.reference(name)));
        references.extend(
            (self.command.get_subcommands())
                .filter(|sub| has_page(sub))
                .map(|sub| self.reference(&format!("{}-{}", self.name, sub.get_name()))),
        );
        references.extend(self.words.lines("SEE ALSO").map(|line| {
            let (name, section) = line.split_once('(').unwrap_or((line, ""));
            vec![
                bold(name),
                roman(format!("({section}").trim_end_matches('(')),
            ]
        }));
        if references.is_empty() {
            return String::new();
        }
        let mut roff = Roff::new();
        roff.control("SH", ["SEE ALSO"]);
        roff.text(references.join(&roman(", ")));
        roff.to_roff()
    }

    fn reference(&self, name: &str) -> Vec<Inline> {
        vec![bold(name), roman(format!("({})", self.section))]
    }
}

/// `-f, --format FORMAT`
fn term(arg: &Arg) -> Vec<Inline> {
    let value = (arg.get_value_names().unwrap_or_default().iter())
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(" ");
    if arg.is_positional() {
        return vec![italic(plain(&value))];
    }
    let mut term = Vec::new();
    let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
    let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
    let names = (shorts.iter().map(|short| format!("-{short}")))
        .chain(longs.iter().map(|long| format!("--{long}")));
    for name in names {
        if !term.is_empty() {
            term.push(roman(", "));
        }
        term.push(bold(name));
    }
    let optional = arg.get_num_args().is_some_and(|n| n.min_values() == 0);
    match arg.get_action() {
        ArgAction::Set | ArgAction::Append if is_switch(arg) => {}
        ArgAction::Set | ArgAction::Append if optional => {
            term.extend([roman("[="), italic(value), roman("]")]);
        }
        ArgAction::Set | ArgAction::Append => term.extend([roman(" "), italic(value)]),
        _ => {}
    }
    term
}

/// A switch that may also be given a value, as Go's flags are: `--rm`, `--rm=false`.
fn is_switch(arg: &Arg) -> bool {
    arg.is_require_equals_set()
        && matches!(arg.get_value_names(), Some([name]) if name.as_str() == "BOOL")
}

fn values(arg: &Arg) -> Option<Inline> {
    let values: Vec<String> = (arg.get_possible_values().iter())
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    (takes && !is_switch(arg) && !values.is_empty())
        .then(|| roman(format!(" One of: {}.", values.join(", "))))
}

fn default(arg: &Arg) -> Option<Inline> {
    let values: Vec<_> = (arg.get_default_values().iter())
        .map(|value| value.to_string_lossy())
        .filter(|value| !value.is_empty())
        .collect();
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    (takes && !arg.is_hide_default_value_set() && !is_switch(arg) && !values.is_empty())
        .then(|| roman(format!(" Default: {}.", values.join(", "))))
}

/// Help is written without a full stop, text is not.
fn sentence(help: &str) -> String {
    let help = help.trim();
    match help.chars().last() {
        None | Some('.' | '!' | '?' | ':') => help.to_owned(),
        Some(_) => format!("{help}."),
    }
}

/// Angle brackets are clap's mark for what is to be replaced; capitals say so already.
fn plain(usage: &str) -> String {
    usage.replace(['<', '>'], "")
}
