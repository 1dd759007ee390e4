//! What is left when something breaks in the middle: nothing that looks whole, and nothing that the next command cannot clean up.

mod clients;
mod copy;
mod damage;
mod engine;
mod kills;
mod lost;
mod network;
mod output;
mod pod;
mod registry;
mod resumed;
mod runtime;
mod steps;
mod strike;
mod things;
mod together;
mod uploads;

use std::process::ExitCode;

use tests::monitor::stand_in;

fn main() -> ExitCode {
    if let Some(code) = stand_in::run_if_called() {
        return code;
    }
    tests::run(tests::trials![
        copy::a_corrupt_blob_is_refused,
        copy::a_truncated_blob_is_refused,
        copy::a_killed_copy_leaves_nothing_that_looks_whole,
        resumed::a_cut_connection_is_taken_up_again,
        resumed::a_killed_copy_goes_on_where_it_was,
        resumed::a_killed_archive_is_begun_with_what_has_come,
        registry::a_slow_registry_is_waited_for,
        registry::a_busy_registry_is_asked_again,
        registry::a_broken_registry_is_told_of_in_its_own_words,
        registry::corrupt_and_empty_blobs_are_refused,
        registry::a_lying_manifest_is_refused,
        registry::a_manifest_of_another_image_is_refused_by_digest,
        registry::manifests_without_end_are_refused,
        registry::credentials_stay_with_their_registry,
        registry::redirects_without_end_are_left,
        registry::pages_that_go_round_end,
        uploads::an_upload_that_is_refused_is_told_of,
        uploads::blobs_are_mounted_within_a_registry,
        uploads::blobs_are_mounted_from_where_they_were_seen,
        uploads::blobs_that_go_no_further_are_not_remembered,
        uploads::blobs_that_are_not_mounted_are_sent,
        engine::a_killed_run_is_cleaned_up,
        engine::a_killed_pull_is_taken_up_again,
        engine::a_killed_monitor_is_seen,
        damage::one_damaged_thing_hides_no_other,
        damage::damaged_history_is_history,
        lost::a_container_without_its_monitor_is_told_of_rightly,
        lost::who_waits_for_an_orphan_hears_of_its_end,
        lost::stop_ends_what_a_killed_start_has_left,
        lost::a_lost_run_directory_hides_nothing,
        lost::a_runtime_that_was_not_told_of_the_end_is_told,
        kills::a_killed_monitor_is_followed_by_the_next,
        kills::a_killed_monitor_takes_its_runtime_along,
        kills::a_killed_runtime_is_told,
        kills::a_killed_container_is_told,
        clients::a_client_that_never_reads_stops_nobody,
        clients::a_hundred_clients_get_everything,
        clients::clients_that_die_stop_nobody,
        clients::an_owner_that_dies_lets_the_container_go_on,
        output::lines_of_a_megabyte_are_whole,
        output::binary_output_is_kept_byte_for_byte,
        output::rotation_loses_no_line,
        output::reopening_loses_no_line,
        output::a_full_disk_loses_what_it_says,
        steps::a_killed_command_leaves_what_the_next_can_use,
        steps::a_command_without_room_says_so_and_leaves_nothing,
        steps::what_makes_room_works_on_a_full_disk,
        steps::a_full_disk_takes_no_container,
        things::an_artifact_is_whole_or_not_there,
        things::a_pulled_artifact_is_whole_or_not_there,
        things::a_manifest_list_is_whole_or_not_there,
        things::a_volume_is_whole_or_not_there,
        things::a_removed_volume_is_gone,
        things::an_import_that_was_cut_short_is_told,
        things::a_volume_is_filled_from_the_image_as_a_whole,
        things::a_secret_is_whole_or_not_there,
        things::a_network_is_whole_or_not_there,
        together::two_commands_on_a_container_serialise_or_say_so,
        together::two_commands_on_a_thing_serialise_or_say_so,
        network::a_killed_setup_or_teardown_leaves_nothing,
        pod::a_killed_step_leaves_what_can_be_removed,
        pod::a_killed_creation_gives_its_name_back,
        pod::a_pod_whose_infra_container_was_killed_starts_again,
        runtime::create_is_killed_at_each_step,
        runtime::a_container_is_killed_at_each_step_of_its_birth,
        runtime::each_step_of_create_fails,
        runtime::each_step_of_a_birth_fails,
        runtime::delete_is_killed_at_each_step,
        runtime::exec_is_killed_at_each_step,
    ])
}
