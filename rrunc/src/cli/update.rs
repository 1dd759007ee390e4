//! `update`.

use std::path::PathBuf;

use clap::Args;

/// Limits to change. Sizes may have the units of Go's `units`: `k`, `m`, `g`,
/// `KiB` and so on, all powers of 1024.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Read the limits, as in linux.resources, from a file or (-) from stdin
    #[arg(short, long, value_name = "FILE", conflicts_with = "limits")]
    pub(crate) resources: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Name of the container
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}

/// One option each.
#[derive(Debug, Default, Args)]
#[group(id = "limits", multiple = true)]
pub(crate) struct Limits {
    /// Weight of the group's input and output, 10 to 1000
    #[arg(long, value_name = "WEIGHT")]
    pub(crate) blkio_weight: Option<u16>,
    /// Period of the quota, in microseconds; 0 leaves it
    #[arg(long, value_name = "USEC")]
    pub(crate) cpu_period: Option<u64>,
    /// CPU time in each period, in microseconds; -1 is no limit
    #[arg(long, value_name = "USEC", allow_hyphen_values = true)]
    pub(crate) cpu_quota: Option<i64>,
    /// CPU time saved up beyond the quota, in microseconds
    #[arg(long, value_name = "USEC")]
    pub(crate) cpu_burst: Option<u64>,
    /// Weight of the group's CPU time, 2 to 262144
    #[arg(long, value_name = "SHARES")]
    pub(crate) cpu_share: Option<u64>,
    /// Period of real-time processes, in microseconds
    #[arg(long, value_name = "USEC")]
    pub(crate) cpu_rt_period: Option<u64>,
    /// Time of real-time processes in each period, in microseconds
    #[arg(long, value_name = "USEC", allow_hyphen_values = true)]
    pub(crate) cpu_rt_runtime: Option<i64>,
    /// CPUs to run on
    #[arg(long, value_name = "LIST")]
    pub(crate) cpuset_cpus: Option<String>,
    /// Memory nodes to allocate from
    #[arg(long, value_name = "LIST")]
    pub(crate) cpuset_mems: Option<String>,
    /// Run only when nothing else wants to: 1, or 0
    #[arg(long, value_name = "0|1")]
    pub(crate) cpu_idle: Option<i64>,
    /// Memory, in bytes; -1 is no limit
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, value_parser = bytes)]
    pub(crate) memory: Option<i64>,
    /// Memory that is left to the group when memory is short, in bytes
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, value_parser = bytes)]
    pub(crate) memory_reservation: Option<i64>,
    /// Memory and swap together, in bytes; -1 is no limit
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, value_parser = bytes)]
    pub(crate) memory_swap: Option<i64>,
    /// Kernels have no such limit any more
    #[arg(long, hide = true, allow_hyphen_values = true, value_parser = bytes)]
    pub(crate) kernel_memory: Option<i64>,
    /// Kernels have no such limit any more
    #[arg(long, hide = true, allow_hyphen_values = true, value_parser = bytes)]
    pub(crate) kernel_memory_tcp: Option<i64>,
    /// Number of tasks; -1 is no limit
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) pids_limit: Option<i64>,
    /// Schema of the L3 cache (Intel RDT)
    #[arg(long, value_name = "SCHEMA")]
    pub(crate) l3_cache_schema: Option<String>,
    /// Schema of the memory bandwidth (Intel RDT)
    #[arg(long, value_name = "SCHEMA")]
    pub(crate) mem_bw_schema: Option<String>,
}

/// A number with a unit, or -1.
fn bytes(text: &str) -> Result<i64, String> {
    if text == "-1" {
        return Ok(-1);
    }
    let wrong = || format!("invalid size: '{text}'");
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let letter = unit
        .strip_suffix('i')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(unit);
    let power = match letter {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(wrong()),
    };
    let bytes = number * 1024f64.powi(power);
    if bytes < i64::MAX as f64 {
        Ok(bytes as i64)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_units() {
        for (text, size) in [
            ("0", 0),
            ("-1", -1),
            ("1024", 1024),
            ("32m", 32 << 20),
            ("32MB", 32 << 20),
            ("1.5GiB", 3 << 29),
            ("10 kb", 10 << 10),
            ("7b", 7),
        ] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "-2", "m", "1x", "1..5m", "1ii", "10000000000g"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
