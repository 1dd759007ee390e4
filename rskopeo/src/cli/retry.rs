use super::Duration;

/// Whether and when to try again what a registry or the way to it has spoiled.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Retry {
    /// The number of times to possibly retry; one below 0 is 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub retry_times: i64,
    /// Fixed delay between retries; without it the delay doubles each time
    #[arg(long, value_name = "DURATION")]
    pub retry_delay: Option<Duration>,
}
