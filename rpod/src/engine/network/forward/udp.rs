//! Packets: each caller gets a socket in the container's namespace, by which answers find their way back, until nothing has come
//! for a while.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a caller may be silent and still be answered.
const PATIENCE: Duration = Duration::from_secs(90);

/// As large as a packet can be.
const LARGEST: usize = 65_535;

/// Callers that are remembered at once; those of before are forgotten first.
const MOST: usize = 4096;

struct Caller {
    socket: Arc<UdpSocket>,
    /// Its thread has ended.
    silent: Arc<AtomicBool>,
}

/// Passes packets on until the socket fails.
pub(super) fn serve(socket: &UdpSocket, target: SocketAddr) {
    let mut callers: HashMap<SocketAddr, Caller> = HashMap::new();
    let mut packet = vec![0; LARGEST];
    loop {
        let (size, from) = match socket.recv_from(&mut packet) {
            Ok(received) => received,
            // An answer that nobody took comes back as an error of the next call.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
            Err(_) => return,
        };
        callers.retain(|_, caller| !caller.silent.load(Ordering::Relaxed));
        let known = callers.contains_key(&from);
        if !known
            && callers.len() < MOST
            && let Some(caller) = meet(socket, from, target)
        {
            callers.insert(from, caller);
        }
        if let Some(caller) = callers.get(&from) {
            // A packet may be lost, as on any network.
            let _ = caller.socket.send(&packet[..size]);
        }
    }
}

fn meet(host: &UdpSocket, from: SocketAddr, target: SocketAddr) -> Option<Caller> {
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = Arc::new(UdpSocket::bind((any, 0)).ok()?);
    socket.connect(target).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let (host, silent) = (host.try_clone().ok()?, Arc::new(AtomicBool::new(false)));
    let (own, ended) = (Arc::clone(&socket), Arc::clone(&silent));
    let answers = move || {
        let mut packet = vec![0; LARGEST];
        loop {
            match own.recv(&mut packet) {
                Ok(size) => drop(host.send_to(&packet[..size], from)),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => break,
            }
        }
        ended.store(true, Ordering::Relaxed);
    };
    std::thread::Builder::new().spawn(answers).ok()?;
    Some(Caller { socket, silent })
}
