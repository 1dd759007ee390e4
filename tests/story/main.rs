//! The main job, line by line, as a person types it.

mod access;
mod audit;
mod bundle;
mod commit;
mod container;
mod engine;
mod events;
mod files;
mod formats;
mod health;
mod image;
mod lists;
mod network;
mod networks;
mod options;
mod pod;
mod pod_life;
mod podman_store;
mod secret;
mod sync;
mod system;
mod terminal;
mod trust;
mod volume;

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::run(tests::trials![
        image::inspect_reads_no_layers,
        image::inspect_shows_the_raw_manifest_and_the_config,
        image::a_reader_that_went_away_ends_it,
        image::copy_to_a_directory,
        image::copy_to_a_layout,
        image::copy_and_back_keeps_the_digest,
        image::archives_are_read_by_skopeo,
        image::list_tags,
        image::a_shell_from_an_image_without_an_engine,
        image::an_image_unpacks_with_its_whiteouts,
        formats::schema_1_is_what_skopeo_makes_of_it,
        formats::schema_1_is_read_unpacked_and_renamed,
        formats::layers_are_packed_anew_once,
        formats::zstd_chunked_is_zstd_to_others,
        bundle::a_changed_bundle_packs_and_unpacks_the_same,
        bundle::umoci_and_rskopeo_pack_each_others_bundles,
        bundle::an_unchanged_bundle_gets_no_layer,
        bundle::a_bundle_packs_into_any_transport,
        bundle::owners_come_back_from_their_map,
        bundle::every_runtime_takes_a_bundle_as_it_is,
        podman_store::podman_runs_what_rskopeo_wrote,
        podman_store::rskopeo_reads_what_podman_wrote,
        podman_store::a_half_made_layer_is_removed,
        podman_store::the_driver_or_what_is_there_tells_the_store,
        sync::sync_between_registry_and_directory,
        sync::sync_from_yaml,
        sync::sync_goes_on_and_copies_nothing_twice,
        sync::images_are_deleted,
        sync::inspect_renders_templates,
        access::tls_needs_the_authority,
        access::a_password_is_asked_for,
        access::plain_http_is_refused_by_default,
        access::a_certificate_that_signed_itself_is_trusted_as_itself,
        access::logins_are_kept_and_forgotten,
        access::logins_in_dockers_form,
        access::logins_go_to_the_configured_helpers,
        access::a_proxy_is_gone_through,
        access::an_image_that_is_not_there_is_exit_code_2,
        engine::pull_and_list_images,
        engine::run_detached_exec_logs_ps,
        engine::the_exit_code_is_passed_on,
        engine::stop_and_remove,
        engine::create_start_wait_logs,
        engine::volumes_and_environment,
        engine::privileged_with_the_host_mounted,
        engine::a_missing_program_is_127,
        engine::errors_name_the_container,
        engine::skopeo_puts_an_image_into_the_store,
        engine::an_image_is_saved_and_loaded,
        engine::several_images_in_one_archive,
        options::environment_is_adapted,
        options::restarted_by_policy,
        options::required_labelled_and_noted,
        options::limits_and_mounts,
        commit::committed,
        commit::imported_with_a_history,
        commit::a_killed_commit_leaves_nothing_half_made,
        commit::a_killed_rename_leaves_one_name,
        commit::two_commands_at_once,
        container::renamed,
        container::initialized_then_started,
        container::chosen_by_filter_file_and_latest,
        container::waited_for,
        container::removed_with_those_that_need_it,
        container::listed_with_sizes,
        container::an_image_has_a_size_before_it_is_unpacked,
        events::a_container_tells_its_life,
        events::every_noun_writes,
        events::events_are_followed,
        events::the_driver_is_chosen,
        system::usage_and_prune,
        system::damage_is_found_and_mended,
        system::damaged_images_go_and_lost_lists_come_back,
        system::reset_leaves_what_is_not_ours,
        lists::a_list_is_made_pushed_and_run,
        lists::pulled_by_policy_and_tag,
        files::copied_in_and_out,
        files::copied_as_archives,
        files::a_hostile_link_stays_inside,
        files::changes_are_told,
        files::exported,
        files::mounted_for_a_person,
        health::a_container_is_told_well_or_not,
        health::one_that_is_not_well_is_acted_upon,
        health::a_killed_watcher_is_replaced,
        pod::two_containers_in_a_pod,
        pod::containers_share_the_network_and_the_hostname,
        pod::a_pod_is_removed_with_its_containers,
        pod::a_pod_that_stops_with_its_last_container,
        pod::what_a_pod_was_asked_for_reaches_its_containers,
        pod::a_pod_is_made_for_its_first_container,
        pod::errors_are_podmans,
        pod::a_pod_is_paused,
        pod::a_pod_is_looked_into,
        pod::a_pods_containers_are_started_again,
        pod_life::init_containers_run_before_the_others,
        pod_life::a_pod_is_cloned,
        pod_life::members_are_in_the_hosts_file_while_they_run,
        pod_life::a_pod_whose_infra_container_ended_is_degraded,
        network::two_containers_find_each_other_by_name,
        network::ports_are_published,
        network::udp_ports_are_published,
        network::networks_are_isolated,
        network::addresses_that_are_asked_for,
        network::a_pod_has_one_network,
        network::nothing_is_left_of_a_network,
        networks::what_a_network_cannot_be_is_refused,
        networks::a_container_is_in_the_default_network,
        networks::stores_on_one_host_share_its_bridges,
        networks::name_servers_of_a_network_change,
        networks::two_families_of_addresses,
        networks::ports_come_back_after_a_flush,
        secret::secrets_are_files_and_variables,
        secret::secrets_are_kept_by_scripts,
        secret::a_container_is_changed_while_it_runs,
        terminal::a_terminal_is_one,
        terminal::the_window_is_resized,
        terminal::ctrl_c_interrupts,
        terminal::detach_keys_leave_it_running,
        terminal::exec_in_a_terminal,
        trust::simple_signatures_pass_between_rskopeo_and_skopeo,
        trust::a_signature_is_for_one_name_and_one_digest,
        trust::signatures_stay_or_stop_the_copy,
        trust::signatures_stay_in_the_stores,
        trust::standalone_signatures_pass_both_ways,
        trust::sigstore_signatures_are_made_and_asked_for,
        volume::a_volume_outlives_its_containers,
        volume::anonymous_volumes_go_with_their_container,
        volume::mounts_of_every_kind,
        volume::volumes_are_exported_and_mounted,
        volume::mounts_are_written_over,
        volume::parts_of_images_and_volumes_are_mounted,
        volume::what_a_volume_is_made_with,
        audit::loginuid_reaches_the_container,
    ])
}
