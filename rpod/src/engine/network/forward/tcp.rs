//! Connections: two threads each, one for each direction, in which the kernel moves the bytes (splice).

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// When there is no room for one more connection, those that are there may end.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes calls until the listener itself fails.
pub(super) fn serve(listener: &TcpListener, target: SocketAddr) {
    loop {
        match listener.accept() {
            Ok((caller, _)) => {
                let begun = std::thread::Builder::new().spawn(move || connect(&caller, target));
                if begun.is_err() {
                    std::thread::sleep(PAUSE);
                }
            }
            // A caller that has gone again, or too many of them.
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// A container that does not listen yet makes the caller's connection end, as its own kernel would.
fn connect(caller: &TcpStream, target: SocketAddr) {
    let Ok(called) = TcpStream::connect(target) else {
        return;
    };
    std::thread::scope(|scope| {
        let back = std::thread::Builder::new().spawn_scoped(scope, || pass(&called, caller));
        if back.is_ok() {
            pass(caller, &called);
        }
    });
}

/// Whoever has said all it had to say may still listen.
fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let ended = io::copy(&mut from, &mut to);
    let closing = if ended.is_ok() {
        Shutdown::Write
    } else {
        Shutdown::Both
    };
    // It may be closed already.
    let _ = to.shutdown(closing);
    if ended.is_err() {
        let _ = from.shutdown(Shutdown::Both);
    }
}
