//! `rpod pod logs`: podman-pod-logs(1).

use anyhow::{Result, bail};
use clap::Args;

use super::selection::one;
use crate::cli::logs::LineOptions;
use crate::cli::{Globals, Verb};
use crate::engine::{Context, pod};

#[derive(Args, Debug)]
pub struct Logs {
    /// Filter logs by container name or id which belongs to pod
    #[arg(short, long, value_name = "CONTAINER")]
    container: Option<String>,
    /// Act on the latest created pod
    #[arg(short, long)]
    latest: bool,
    #[command(flatten)]
    lines: LineOptions,
    /// Name or ID of the pod
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

impl Verb for Logs {
    const NAME: &'static str = "logs";
    const ABOUT: &'static str = "Fetch logs for pod with one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let name = match (&self.pods[..], self.latest) {
            ([], false) => bail!("specify at least one pod name or ID to log"),
            ([_, _, ..], _) => bail!("requires exactly 1 arg"),
            (pods, _) => pods.first().map(String::as_str),
        };
        let pod = one(&ctx, "pod logs", name, self.latest)?;
        let mut members = pod::members(&ctx, &pod)?;
        if let Some(wanted) = &self.container {
            members.retain(|member| member.name == *wanted || member.id.starts_with(wanted));
            if members.len() != 1 {
                bail!(
                    "container {wanted} is not in pod {}: no such container",
                    pod.name
                );
            }
        }
        self.lines.print(&ctx, members)
    }
}
