//! What a pod does now, as its containers are: podman-pod-ps(1).

use anyhow::Result;

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::status::Status;

/// A container of a pod and what it does.
#[derive(Clone, Debug)]
pub struct Member {
    pub container: Container,
    pub status: Status,
}

/// What each container of a pod does.
pub fn of(ctx: &Context, pod: &super::record::Pod) -> Result<Vec<Member>> {
    super::members(ctx, pod)?
        .into_iter()
        .map(|container| {
            let status = ctx.store.status(&container.id)?;
            Ok(Member { container, status })
        })
        .collect()
}

/// podman's word for the whole.
pub fn word(members: &[Member]) -> &'static str {
    // Init containers have done their part when they have ended.
    let members: Vec<_> = members
        .iter()
        .filter(|member| member.container.init_ctr.is_none())
        .collect();
    let count = |is: fn(&Status) -> bool| members.iter().filter(|m| is(&m.status)).count();
    let running = count(Status::is_running);
    let paused = count(|status| matches!(status, Status::Paused(_)));
    let ended = count(|status| matches!(status, Status::Exited(_)));
    match members.len() {
        0 => "Created",
        all if running == all => "Running",
        _ if running > 0 => "Degraded",
        all if paused == all => "Paused",
        all if ended == all => "Exited",
        _ if ended > 0 => "Stopped",
        _ => "Created",
    }
}
