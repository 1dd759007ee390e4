//! What a person sees: tables, `--format` templates, sizes and times, all of it as podman prints it.

mod inspection;
mod json;
mod listing;
pub mod log;
mod number;
mod size;
mod table;
pub mod template;
mod time;

pub use inspection::{inspected, inspected_with};
pub use json::pretty;
pub use listing::{Listing, Style, pairs, unescape};
pub use log::warn;
pub use number::{no_number, parse_bool, parse_number};
pub use size::{
    binary_size, human_size, image_size, layer_size, parse_binary_size, parse_decimal_size,
    parse_size,
};
pub use table::align;
pub use time::{
    ago, go_duration, go_seconds, go_time, human_duration, local_zone, parse_go_duration,
    parse_point, unix_date, wrong_duration,
};
