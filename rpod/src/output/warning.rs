//! What a person should know although all went on.

/// A line on standard error, in the form of podman's log.
pub fn warn(message: &str) {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    eprintln!("time=\"{now}\" level=warning msg={message:?}");
}
