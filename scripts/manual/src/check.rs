//! What the tests of each program ask of its manual.

use std::fs;
use std::path::Path;
use std::process::Command as Program;

use clap::Command;

use crate::Manual;

impl Manual {
    /// Panics if a command or an option has no help, or a page is not well-formed in the eyes of mandoc(1) and man(1).
    pub fn check(mut self) {
        self.command.build();
        let missing = undocumented(&self.command, self.command.get_name());
        assert!(missing.is_empty(), "no help for {missing:#?}");
        let scratch = std::env::temp_dir().join(format!(
            "manual-{}-{}",
            self.command.get_name(),
            std::process::id()
        ));
        let pages = scratch.join(format!("man/man{}", self.section));
        let name = self.command.get_name().to_owned();
        self.write(&scratch).expect("the manual is written");
        let complaints = [
            ("mandoc", &["-Tlint", "-Wwarning"][..]),
            ("man", &["--warnings", "-Tutf8", "-Z", "-l"][..]),
        ]
        .map(|(program, arguments)| complaints(program, arguments, &pages));
        fs::remove_dir_all(&scratch).expect("the scratch directory is removed");
        assert_eq!(complaints.concat(), "", "pages of {name}");
    }
}

/// Every command and option without help, hidden ones too.
fn undocumented(command: &Command, name: &str) -> Vec<String> {
    let mut missing = Vec::new();
    if command.get_about().is_none() {
        missing.push(name.to_owned());
    }
    for arg in command.get_arguments() {
        if arg.get_help().is_none() {
            missing.push(format!("{name} {arg}"));
        }
    }
    for sub in command.get_subcommands() {
        missing.extend(undocumented(sub, &format!("{name} {}", sub.get_name())));
    }
    missing
}

/// What a program that reads man pages says against those of a directory.
fn complaints(program: &str, arguments: &[&str], directory: &Path) -> String {
    let mut pages: Vec<_> = fs::read_dir(directory)
        .expect("the pages' directory is read")
        .map(|entry| entry.expect("the pages' directory is read").path())
        .collect();
    // A page that only leads to another is read as that.
    pages.retain(|page| !fs::read_to_string(page).is_ok_and(|text| text.starts_with(".so ")));
    pages.sort();
    let run = Program::new(program)
        .args(arguments)
        .args(&pages)
        .current_dir(directory)
        .env("LC_ALL", "C.UTF-8")
        .output();
    match run {
        Ok(output) if program == "mandoc" => String::from_utf8_lossy(&output.stdout)
            .lines()
            // Pages have no date, so that the same definition makes the same page.
            .filter(|line| !line.contains("missing date"))
            .map(|line| format!("{line}\n"))
            .collect(),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(_) => {
            eprintln!("SKIP: {program} is not installed");
            String::new()
        }
    }
}
