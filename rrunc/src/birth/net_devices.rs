//! `linux.netDevices`: network devices that move into the container, with their
//! global addresses; all else of them stays as it is.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;

use crate::kernel::netlink::{Request, Socket, attributes};
use crate::spec::NetDevice;

const IFF_UP: u32 = libc::IFF_UP as u32;
/// `RT_SCOPE_UNIVERSE`.
const GLOBAL: u8 = 0;
/// Length of `struct ifaddrmsg`.
const ADDRESS: usize = 8;

/// Move the devices to the network namespace of a process.
///
/// # Errors
/// A device is not there, or the kernel does not move it (some drivers'
/// devices belong to their namespace).
pub(super) fn move_all(devices: &BTreeMap<String, NetDevice>, pid: Pid) -> Result<()> {
    if devices.is_empty() {
        return Ok(());
    }
    let open = |path: String| File::open(&path).with_context(|| format!("open {path}"));
    let theirs = open(format!("/proc/{pid}/ns/net"))?;
    let ours = open("/proc/self/ns/net".to_owned())?;
    let here = Socket::open().context("open a netlink socket")?;
    setns(&theirs, CloneFlags::CLONE_NEWNET).context("join the container's network namespace")?;
    let there = Socket::open();
    setns(&ours, CloneFlags::CLONE_NEWNET).context("return to the network namespace")?;
    let there = there.context("open a netlink socket in the container")?;
    for (name, device) in devices {
        let new_name = match device.name.is_empty() {
            true => name,
            false => &device.name,
        };
        let moved = Device::find(name).and_then(|device| {
            device.transfer(
                new_name,
                &here,
                &there,
                std::os::fd::AsRawFd::as_raw_fd(&theirs),
            )
        });
        moved.with_context(|| {
            format!("linux.netDevices.{name}: move the device to the container as {new_name:?}")
        })?;
    }
    Ok(())
}

struct Device {
    index: u32,
}

impl Device {
    fn find(name: &str) -> Result<Device> {
        let index = if_nametoindex(name).context("find it by its name")?;
        Ok(Device { index })
    }

    fn transfer(&self, name: &str, here: &Socket, there: &Socket, namespace: i32) -> Result<()> {
        let addresses = self.addresses(here)?;
        // Nothing of the host is to use it meanwhile.
        here.command(link(self.index, 0, IFF_UP))
            .context("set it down")?;
        let name = CString::new(name)?;
        // Name and namespace at once: the name may be taken here, or there.
        let request = link(self.index, 0, 0)
            .attribute(libc::IFLA_IFNAME, name.as_bytes_with_nul())
            .attribute(libc::IFLA_NET_NS_FD, &namespace.to_ne_bytes());
        here.command(request).context("change its namespace")?;
        let moved = Device {
            index: index_in(there, name.as_bytes_with_nul())?,
        };
        for address in addresses {
            moved.add(address, there)?;
        }
        there
            .command(link(moved.index, IFF_UP, IFF_UP))
            .context("set it up")
    }

    /// What `ip address` calls scope global.
    fn addresses(&self, socket: &Socket) -> Result<Vec<Vec<u8>>> {
        let request = Request::new(libc::RTM_GETADDR, 0, &[0; ADDRESS]);
        let mut all = socket.dump(request).context("list its addresses")?;
        all.retain(|message| {
            let index = message.get(4..ADDRESS).and_then(<[u8]>::first_chunk);
            message.get(3) == Some(&GLOBAL)
                && index.map(|bytes| u32::from_ne_bytes(*bytes)) == Some(self.index)
        });
        Ok(all)
    }

    fn add(&self, message: Vec<u8>, socket: &Socket) -> Result<()> {
        const KEPT: [u16; 4] = [
            libc::IFA_ADDRESS,
            libc::IFA_LOCAL,
            libc::IFA_BROADCAST,
            libc::IFA_FLAGS,
        ];
        let (fixed, rest) = message.split_at(ADDRESS);
        let mut fixed = fixed.to_vec();
        fixed[4..].copy_from_slice(&self.index.to_ne_bytes());
        let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        let request = attributes(rest)
            .into_iter()
            .filter(|(kind, _)| KEPT.contains(kind))
            .fold(
                Request::new(libc::RTM_NEWADDR, flags, &fixed),
                |request, (kind, value)| request.attribute(kind, &value),
            );
        match socket.command(request) {
            Err(Errno::EEXIST) => Ok(()),
            other => other.context("give it its addresses"),
        }
    }
}

/// A change of a link: `struct ifinfomsg`.
fn link(index: u32, flags: u32, change: u32) -> Request {
    let mut fixed = [0; 16];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..12].copy_from_slice(&flags.to_ne_bytes());
    fixed[12..].copy_from_slice(&change.to_ne_bytes());
    Request::new(libc::RTM_NEWLINK, 0, &fixed)
}

/// A device has another number when its own is taken there.
fn index_in(socket: &Socket, name: &[u8]) -> Result<u32> {
    let request = Request::new(libc::RTM_GETLINK, 0, &[0; 16]);
    let links = socket
        .dump(request)
        .context("list the container's devices")?;
    let found = links.iter().find(|message| {
        let rest = message.get(16..).unwrap_or_default();
        attributes(rest)
            .iter()
            .any(|(kind, value)| *kind == libc::IFLA_IFNAME && value == name)
    });
    found
        .and_then(|message| message.get(4..8)?.first_chunk())
        .map(|bytes| u32::from_ne_bytes(*bytes))
        .context("find it in the container")
}
