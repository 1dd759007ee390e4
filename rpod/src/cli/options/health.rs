//! Whether the container is well: podman-run(1), "--health-cmd" and its kin.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Map, Value};

use crate::engine::container::health::Settings;
use crate::engine::container::health::settings::{
    self, EVENTS, INTERVAL, LOCAL, OnFailure, StartupCheck, TIMEOUT,
};
use crate::engine::container::record::Container;

#[derive(Args, Debug)]
pub(in crate::cli) struct HealthOptions {
    /// Set a healthcheck command for the container ('none' disables the existing healthcheck)
    #[arg(long, value_name = "COMMAND")]
    health_cmd: Option<String>,
    /// Time between two healthchecks: disable for none but those that are asked for (default 30s)
    #[arg(long, value_name = "DURATION")]
    health_interval: Option<String>,
    /// Where the log of the healthchecks is: local, events_logger or a directory (default local)
    #[arg(long, value_name = "PLACE")]
    health_log_destination: Option<String>,
    /// Healthchecks that are kept in the log, 0 for all of them (default 5)
    #[arg(long, value_name = "N")]
    health_max_log_count: Option<u32>,
    /// Characters of each healthcheck's output that are kept, 0 for all of them (default 500)
    #[arg(long, value_name = "N")]
    health_max_log_size: Option<u32>,
    /// Action to take once the container turns unhealthy (none, kill, restart, stop)
    #[arg(long, value_name = "ACTION")]
    health_on_failure: Option<String>,
    /// Failures in a row that make the container unhealthy (default 3)
    #[arg(long, value_name = "N")]
    health_retries: Option<u32>,
    /// Time in which failures do not count, for a container to get ready (default 0s)
    #[arg(long, value_name = "DURATION")]
    health_start_period: Option<String>,
    /// Set a startup healthcheck command for the container
    #[arg(long, value_name = "COMMAND")]
    health_startup_cmd: Option<String>,
    /// Time between two startup healthchecks (default 30s)
    #[arg(long, value_name = "DURATION")]
    health_startup_interval: Option<String>,
    /// Failed startup healthchecks after which the container is restarted, 0 for never
    #[arg(long, value_name = "N")]
    health_startup_retries: Option<u32>,
    /// Startup healthchecks that have to succeed before the regular one begins
    #[arg(long, value_name = "N")]
    health_startup_success: Option<u32>,
    /// Time that a startup healthcheck may take (default 30s)
    #[arg(long, value_name = "DURATION")]
    health_startup_timeout: Option<String>,
    /// Time that a healthcheck may take (default 30s)
    #[arg(long, value_name = "DURATION")]
    health_timeout: Option<String>,
    /// Disable healthchecks on container
    #[arg(long)]
    no_healthcheck: bool,
}

impl HealthOptions {
    /// What was asked for on top of what the image says.
    pub(in crate::cli) fn apply(
        &self,
        c: &mut Container,
        image: Option<&Map<String, Value>>,
    ) -> Result<()> {
        if let Some(image) = image
            && self.health_cmd.is_none()
        {
            c.health.of_image(image);
        }
        self.change(&mut c.health)?;
        if self.asks_for_check() && !c.health.is_set() && !self.no_healthcheck {
            eprintln!(
                "rpod: there is no health check to apply the --health options to: say --health-cmd, since the image defines none"
            );
        }
        Ok(())
    }

    /// Changes what is asked for and nothing else.
    pub(in crate::cli) fn change(&self, health: &mut Settings) -> Result<()> {
        self.exclude()?;
        if self.no_healthcheck {
            health.test = vec!["NONE".to_owned()];
            health.startup = None;
        }
        if let Some(command) = &self.health_cmd {
            health.test = settings::test(command)?;
        }
        if let Some(text) = &self.health_interval {
            health.interval = settings::interval(text)?;
        }
        if let Some(text) = &self.health_timeout {
            health.timeout = settings::timeout(text)?;
        }
        if let Some(text) = &self.health_start_period {
            health.start_period = settings::duration(text, "start-period")?;
        }
        health.retries = match self.health_retries {
            Some(0) => bail!("healthcheck-retries must be greater than 0"),
            asked => asked.unwrap_or(health.retries),
        };
        if let Some(text) = &self.health_log_destination {
            health.log_destination = destination(text)?;
        }
        health.log_count = self.health_max_log_count.unwrap_or(health.log_count);
        health.log_size = self.health_max_log_size.unwrap_or(health.log_size);
        if let Some(text) = &self.health_on_failure {
            health.on_failure = OnFailure::parse(text)?;
        }
        self.change_startup(health)?;
        if health.on_failure != OnFailure::None && !health.is_set() {
            bail!(
                "cannot set on-failure action to {} without a health check",
                health.on_failure.word()
            );
        }
        Ok(())
    }

    /// What a container would have to know of a check that it has not.
    pub(in crate::cli) fn refuse_without_check(&self, health: &Settings) -> Result<()> {
        if self.asks_for_check() && self.health_cmd.is_none() && !health.is_set() {
            bail!("healthcheck command is not set: say --health-cmd");
        }
        let has_startup = self.health_startup_cmd.is_some() || health.startup.is_some();
        if self.asks_for_startup() && !has_startup {
            bail!("startup healthcheck command is not set: say --health-startup-cmd");
        }
        Ok(())
    }

    fn change_startup(&self, health: &mut Settings) -> Result<()> {
        if let Some(command) = &self.health_startup_cmd {
            let own = health.startup.get_or_insert_with(|| StartupCheck {
                interval: INTERVAL,
                timeout: TIMEOUT,
                ..StartupCheck::default()
            });
            own.test = settings::test(command)?;
        }
        let Some(own) = &mut health.startup else {
            if self.asks_for_startup() {
                bail!("the --health-startup options need a check: say --health-startup-cmd");
            }
            return Ok(());
        };
        if let Some(text) = &self.health_startup_interval {
            own.interval = settings::interval(text)?;
        }
        if let Some(text) = &self.health_startup_timeout {
            own.timeout = settings::timeout(text)?;
        }
        own.retries = self.health_startup_retries.unwrap_or(own.retries);
        own.successes = self.health_startup_success.unwrap_or(own.successes);
        if !health.is_set() {
            bail!(
                "cannot set a startup healthcheck when there is no regular healthcheck: invalid argument"
            );
        }
        Ok(())
    }

    fn exclude(&self) -> Result<()> {
        if self.no_healthcheck && self.health_cmd.is_some() {
            bail!("cannot specify both --no-healthcheck and --health-cmd");
        }
        if self.no_healthcheck && self.health_startup_cmd.is_some() {
            bail!("cannot specify both --no-healthcheck and --health-startup-cmd");
        }
        Ok(())
    }

    /// An option that says nothing without a check.
    fn asks_for_check(&self) -> bool {
        self.health_interval.is_some()
            || self.health_timeout.is_some()
            || self.health_start_period.is_some()
            || self.health_retries.is_some()
    }

    fn asks_for_startup(&self) -> bool {
        self.health_startup_interval.is_some()
            || self.health_startup_timeout.is_some()
            || self.health_startup_retries.is_some()
            || self.health_startup_success.is_some()
    }
}

fn destination(text: &str) -> Result<String> {
    if [LOCAL, EVENTS].contains(&text) {
        return Ok(text.to_owned());
    }
    let path = std::path::absolute(text)?;
    if !path.is_dir() {
        bail!(
            "healthcheck-log-destination {}: no such directory: make it, or say local or events_logger",
            path.display()
        );
    }
    path.into_os_string()
        .into_string()
        .map_err(|path| anyhow::anyhow!("{path:?} is not UTF-8"))
}
