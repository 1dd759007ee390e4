//! Ways out of a container that were found in runtimes. Each test first shows the attack on a naive order of the same steps, so that
//! it is known to bite on this kernel, and then that rrunc refuses it.

mod binary;
mod capabilities;
mod descriptors;
mod files;
mod filters;
mod jail;
mod masks;
mod mounts;
mod proc;

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::run(tests::trials![
        binary::cve_2019_5736_the_runtime_is_overwritten,
        capabilities::cve_2022_29162_exec_leaves_inheritable_capabilities,
        descriptors::cve_2016_9962_a_joining_process_is_looked_into,
        descriptors::cve_2024_21626_the_working_directory_is_a_leaked_descriptor,
        descriptors::only_stdio_and_what_is_preserved_is_passed_on,
        filters::a_kept_filter_is_forged,
        masks::cve_2025_31133_the_null_device_is_another_file,
        masks::cve_2025_52565_the_console_is_another_file,
        masks::cve_2025_52881_writes_to_proc_are_led_elsewhere,
        mounts::cve_2021_30465_a_mount_point_is_swapped,
        mounts::cve_2024_45310_a_file_is_made_on_the_host,
        mounts::a_mount_on_a_volume_spreads_to_the_host,
        files::a_pid_file_is_led_elsewhere,
        files::a_fifo_waits_in_the_place_of_a_device,
        proc::cve_2019_16884_a_volume_is_mounted_at_proc,
        proc::cve_2023_28642_proc_is_a_link,
        proc::cve_2023_27561_proc_is_a_link_into_a_volume,
    ])
}
