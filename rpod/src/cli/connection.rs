//! A person connected to a container: what `run`, `start` and `attach` have in common.

use anyhow::Result;
use clap::Args;

use crate::engine::container::record::Container;
use crate::engine::container::{remove, wait};
use crate::engine::{Context, pod, runtime};
use crate::monitor::attach::{Attached, End, Streams};
use crate::monitor::detach_keys;

#[derive(Args, Debug)]
pub struct Connection {
    /// Override the key sequence for detaching a container
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Pass the signals that rpod receives on to the container
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sig_proxy: Option<bool>,
}

/// The keys that were asked for, configured, or podman's.
pub fn keys(ctx: &Context, asked: Option<&str>) -> Result<Vec<u8>> {
    let configured = ctx.config.containers_conf.engine.detach_keys.as_deref();
    detach_keys::parse(asked.or(configured).unwrap_or(detach_keys::DEFAULT))
}

impl Connection {
    pub fn proxies_by_request(&self) -> bool {
        self.sig_proxy == Some(true)
    }

    pub fn streams(&self, ctx: &Context, container: &Container) -> Result<Streams> {
        Ok(Streams {
            stdin: container.process.stdin,
            stdout: true,
            stderr: true,
            tty: container.process.tty,
            detach_keys: keys(ctx, self.detach_keys.as_deref())?,
            proxy_signals: self.sig_proxy.unwrap_or(true),
        })
    }
}

/// The streams that go through rpod. A container that has those of its caller itself (`--log-driver passthrough`) has none of them.
pub fn streams_of<'a>(container: &Container, streams: &'a Streams) -> Option<&'a Streams> {
    (!container.log_driver.starts_with("passthrough")).then_some(streams)
}

/// Stays with a container to its end; the answer is its exit code.
pub fn follow(
    ctx: &Context,
    container: &Container,
    attached: Option<Attached>,
    streams: Streams,
) -> Result<u8> {
    if let Some(attached) = attached {
        let kill = |signal| {
            // It may have ended while the signal was on its way.
            let _ = runtime::kill(ctx, container, signal as i32);
        };
        if !streams.stdout && !streams.stderr {
            println!("{}", container.id);
        }
        if attached.run(&container.home(ctx), streams, kill)? == End::Detached {
            return Ok(0);
        }
    }
    let code = wait::wait(ctx, &container.id)?;
    remove::cleanup(ctx, &container.id, container.remove)?;
    pod::stop::after_exit(ctx, container)?;
    if container.remove && !container.home(ctx).exists() {
        remove::forget_exit(ctx, &container.id)?;
        if container.remove_image {
            remove::tell_image_that_stays(ctx, container)?;
        }
    }
    // As the kernel cuts it: -1, of a container that ran out of time, is 255.
    Ok(code.to_le_bytes()[0])
}
