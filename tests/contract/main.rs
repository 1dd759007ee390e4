//! What a monitor and its callers agree on, to the byte: arguments, pipes, files, sockets and signals; and what a container asks of
//! its init. Each test runs on conmon and on rconmon, or on catatonit and rpause; where the installed conmon is older than the behaviour, it is skipped there.
//!
//! The runtime is this program itself, in a part that does as a runtime does and no more: see [`tests::monitor::stand_in`]. So a test says exactly
//! what the runtime does, and what the monitor must make of it.

mod attach;
mod control;
mod ends;
mod exec;
mod journal;
mod launch;
mod log;
mod notify;
mod oom;
mod pause;
mod pipes;
mod runtime;
mod usage;

use std::process::ExitCode;

use tests::Result;
use tests::monitor::{Case, stand_in};
use tests::trial::{Trial, trial_on};

type Contract = fn(&Case) -> Result<()>;

macro_rules! contracts {
    ($($test:path),* $(,)?) => { &[$((stringify!($test), $test as Contract)),*] };
}

const CONTRACTS: &[(&str, Contract)] = contracts![
    usage::mistakes_are_refused_with_one_line,
    usage::version_has_two_lines,
    usage::log_drivers_that_make_no_sense_are_refused,
    usage::logs_stay_in_the_allowed_directories,
    pipes::the_pid_is_answered,
    pipes::nothing_happens_before_the_start_byte,
    pipes::a_failed_runtime_is_answered_with_its_own_words,
    pipes::a_missing_pidfile_is_answered,
    pipes::a_caller_that_does_not_listen_is_no_obstacle,
    launch::create_has_these_arguments,
    launch::restore_has_these_arguments,
    launch::exec_has_these_arguments,
    launch::the_runtime_gets_only_its_own_descriptors,
    launch::streams_are_pipes_that_anyone_may_open,
    launch::listen_pid_names_the_runtime,
    launch::only_the_monitor_is_spared_by_the_oom_killer,
    launch::the_monitor_leads_a_session,
    launch::sync_keeps_the_monitor_the_callers_child,
    launch::pidfiles_hold_pids,
    launch::passthrough_keeps_the_callers_streams,
    exec::the_code_comes_after_the_pid,
    exec::the_old_interface_answers_the_code_alone,
    exec::a_runtime_that_failed_is_told_from_a_command_that_did,
    exec::an_attached_exec_waits_for_its_client,
    exec::a_timeout_is_told,
    attach::every_client_gets_marked_messages,
    attach::what_a_client_writes_is_read,
    attach::the_end_of_a_client_ends_input,
    attach::input_stays_open_where_asked,
    attach::a_client_that_goes_stops_nobody,
    attach::long_paths_are_reached_through_a_link,
    attach::a_full_path_is_a_socket_in_the_bundle,
    control::a_terminal_is_resized,
    control::the_size_may_come_first,
    control::bad_lines_change_nothing,
    control::the_log_is_opened_anew,
    control::a_terminal_ends_lines_with_two_bytes,
    control::a_runtime_without_a_terminal_is_refused,
    log::entries_have_their_form,
    log::parts_of_lines_are_marked,
    log::what_is_left_at_the_end_is_logged,
    log::a_full_file_is_replaced,
    log::a_full_file_is_rotated,
    log::all_of_it_has_a_limit,
    log::no_log_is_kept_where_none_is_wanted,
    log::an_old_log_is_appended_to,
    journal::entries_carry_their_fields,
    journal::a_prefix_names_the_priority,
    journal::parts_of_lines_are_marked,
    journal::parts_are_not_marked_where_unwanted,
    journal::a_large_entry_comes_whole,
    journal::the_log_file_is_written_as_well,
    ends::the_code_is_in_both_files_before_the_command_runs,
    ends::a_signal_counts_from_128,
    ends::the_command_has_its_arguments_and_nothing_open,
    ends::the_command_waits_for_the_delay,
    ends::the_command_follows_a_runtime_that_failed,
    ends::a_timeout_kills,
    ends::signals_are_passed_on,
    ends::orphans_are_reaped,
    ends::descriptors_are_free_before_the_exit_is_known,
    ends::nothing_is_left_in_the_bundle_to_connect_to,
    oom::a_kill_leaves_its_mark,
    notify::harmless_lines_are_passed_on,
];

fn main() -> ExitCode {
    if let Some(code) = stand_in::run_if_called() {
        return code;
    }
    let mut trials: Vec<Trial> = Vec::new();
    for monitor in ["conmon", "rconmon"] {
        for (name, test) in CONTRACTS {
            trials.push(trial_on(monitor, name, move || test(&Case::new(monitor)?)));
        }
    }
    trials.extend(pause::contracts());
    trials.extend(runtime::contracts());
    tests::run(trials)
}
