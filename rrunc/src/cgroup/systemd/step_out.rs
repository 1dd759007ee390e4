//! rrunc itself in a scope, where its own group is none that it may leave.

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::unistd::Pid;

use super::bus::{Bus, Owner};
use super::message::Value;
use super::owner;

/// Has the user's systemd take this process into a scope of its own, from which the user's other groups can be entered.
///
/// # Errors
/// Root is in need of nothing that systemd could do; or it does not answer, or refuses.
pub(in crate::cgroup) fn step_out() -> Result<()> {
    ensure!(owner() == Owner::User, Errno::EACCES);
    let unit = format!("run-rrunc-{}.scope", Pid::this());
    let properties = [
        (
            "Description",
            Value::text("rrunc, on its way into a container's cgroup"),
        ),
        ("Slice", Value::text("user.slice")),
        ("CollectMode", Value::text("inactive-or-failed")),
        (
            "PIDs",
            Value::Numbers(vec![Pid::this().as_raw().cast_unsigned()]),
        ),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value));
    let arguments = [
        Value::text(&unit),
        Value::text("fail"),
        Value::Properties(properties.into()),
        Value::NoUnits,
    ];
    Bus::connect(Owner::User)?
        .job("StartTransientUnit", &arguments)
        .with_context(|| format!("start {unit}"))
}
