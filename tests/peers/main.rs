//! Option by option, what rpod has of podman: `COMMAND.table` says it for each command, and is held against the real binary.
//!
//! ```text
//! # rpod run
//! --annotation | works
//! --squash | refused: part of the reason that rpod gives
//! ```
//!
//! A table is named by the command's words, with `-` between them. It has every option of podman's newest manual page and of
//! `rpod COMMAND --help`; what is refused has to be refused by name, for that reason. rskopeo's tables are in `skopeo/`.

mod both;
mod help;
mod keys;
mod options;
mod podman;
mod quadlet;
mod shapes;
mod skopeo;
mod specs;
mod table;
mod units;
mod values;
mod words;

use std::process::ExitCode;

use tests::trial;

fn main() -> ExitCode {
    let mut trials = options::trials();
    trials.extend(podman::trials());
    trials.extend(skopeo::trials());
    trials.extend(tests::trials![
        shapes::ps_has_podmans_columns_and_keys,
        shapes::inspect_has_podmans_keys,
        shapes::nouns_have_podmans_keys,
        shapes::a_container_that_was_not_started_has_podmans_keys,
        specs::podmans_api_takes_generated_specs,
        specs::a_pods_spec_has_podmans_keys,
        keys::containers_conf_is_read_key_by_key,
        shapes::errors_have_podmans_codes,
        values::inspect_has_podmans_values,
        words::wrong_lines_are_told_in_podmans_words,
        skopeo::complaints_are_skopeos,
        skopeo::what_is_not_named_is_helped_with,
        quadlet::keys_of_quadlets_are_options_of_rpod,
        quadlet::services_are_podmans,
        units::generated_units_say_what_podmans_say,
    ]);
    trials.push(trial(
        "every_table_is_of_a_command",
        options::no_table_is_left_over,
    ));
    tests::run(trials)
}
