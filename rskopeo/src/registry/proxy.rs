//! Proxies as the environment names them, read as Go's programs read it: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in capitals or
//! not. Nothing on this host is ever asked for through a proxy.

use std::env;
use std::net::IpAddr;

use ureq::http::Uri;

#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    exceptions: Vec<Exception>,
}

/// One entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    /// `*`
    Everything,
    /// `10.0.0.0/8`
    Network(IpAddr, u32),
    Address(IpAddr, Option<u16>),
    /// `example.com` with the hosts in it, or with `inside` (`.example.com`) only those.
    Domain {
        name: String,
        port: Option<u16>,
        inside: bool,
    },
}

impl Proxies {
    pub fn from_environment() -> Self {
        let read = |name: &str| {
            let value = env::var(name).or_else(|_| env::var(name.to_ascii_lowercase()));
            value.ok().filter(|value| !value.is_empty())
        };
        Self::new(read("HTTP_PROXY"), read("HTTPS_PROXY"), read("NO_PROXY"))
    }

    fn new(http: Option<String>, https: Option<String>, no_proxy: Option<String>) -> Self {
        let with_scheme = |url: String| match url.split_once("://") {
            // Go lets the proxy look up the names, which "h" asks for.
            Some(("socks5", rest)) => format!("socks5h://{rest}"),
            Some(_) => url,
            None => format!("http://{url}"),
        };
        Self {
            http: http.map(with_scheme),
            https: https.map(with_scheme),
            exceptions: no_proxy
                .unwrap_or_default()
                .split(',')
                .filter_map(|entry| exception(entry.trim()))
                .collect(),
        }
    }

    pub fn http(&self) -> Option<&str> {
        self.http.as_deref()
    }

    pub fn https(&self) -> Option<&str> {
        self.https.as_deref()
    }

    /// Whether `url` is reached without a proxy, if there is one.
    pub fn is_exception(&self, url: &str) -> bool {
        let Ok(uri) = url.parse::<Uri>() else {
            return false;
        };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("http") => 80,
            _ => 443,
        });
        let address: Option<IpAddr> = host.parse().ok();
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self
                .exceptions
                .iter()
                .any(|exception| exception.covers(&host, address, port))
    }
}

impl Exception {
    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Network(network, bits) => {
                address.is_some_and(|address| is_within(address, *network, *bits))
            }
            Self::Address(own, only) => {
                address == Some(*own) && only.is_none_or(|only| only == port)
            }
            Self::Domain {
                name,
                port: only,
                inside,
            } => {
                let below = host.strip_suffix(name.as_str());
                let below = below.is_some_and(|rest| rest.ends_with('.'));
                (below || (!inside && host == name)) && only.is_none_or(|only| only == port)
            }
        }
    }
}

fn exception(entry: &str) -> Option<Exception> {
    let entry = entry.to_ascii_lowercase();
    if entry.is_empty() {
        return None;
    }
    if entry == "*" {
        return Some(Exception::Everything);
    }
    if let Some((address, bits)) = entry.split_once('/') {
        return Some(Exception::Network(
            address.parse().ok()?,
            bits.parse().ok()?,
        ));
    }
    if let Ok(address) = entry.trim_matches(['[', ']']).parse() {
        return Some(Exception::Address(address, None));
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (entry.as_str(), None),
    };
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Some(Exception::Address(address, port));
    }
    let host = host.strip_prefix('*').unwrap_or(host);
    Some(Exception::Domain {
        name: host.trim_start_matches('.').to_owned(),
        port,
        inside: host.starts_with('.'),
    })
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or_default();
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or_default();
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn direct(no_proxy: &str, url: &str) -> bool {
        Proxies::new(None, None, Some(no_proxy.to_owned())).is_exception(url)
    }

    #[test]
    fn as_go_reads_it() {
        for (no_proxy, url) in [
            ("", "http://localhost:5000/v2/"),
            ("", "https://127.0.0.2/"),
            ("", "https://[::1]:5000/"),
            ("*", "https://a.io/"),
            ("a.io", "https://a.io/"),
            ("a.io", "https://b.a.io/"),
            (" x.io , a.io:5000", "https://a.io:5000/"),
            (".a.io", "https://b.a.io/"),
            ("*.a.io", "https://b.a.io/"),
            ("A.io", "https://a.IO/"),
            ("10.0.0.0/8", "http://10.1.2.3:80/"),
            ("10.1.2.3", "http://10.1.2.3/"),
            ("fd00::/8", "http://[fd00::1]/"),
            ("a.io:443", "https://a.io/"),
        ] {
            assert!(direct(no_proxy, url), "{no_proxy} {url}");
        }
        for (no_proxy, url) in [
            ("", "https://a.io/"),
            ("a.io", "https://aa.io/"),
            (".a.io", "https://a.io/"),
            ("a.io:5000", "https://a.io/"),
            ("10.0.0.0/8", "http://11.1.2.3/"),
            ("10.0.0.0/33", "http://10.0.0.0/"),
        ] {
            assert!(!direct(no_proxy, url), "{no_proxy} {url}");
        }
    }

    #[test]
    fn a_scheme_may_be_left_out() {
        let proxies = Proxies::new(Some("p:3128".to_owned()), None, None);
        assert_eq!(proxies.http(), Some("http://p:3128"));
        assert_eq!(proxies.https(), None);
    }

    proptest! {
        #[test]
        fn never_panics(no_proxy in ".{0,40}", url in ".{0,40}", bits in any::<u32>()) {
            direct(&no_proxy, &url);
            direct(&format!("::/{bits},0.0.0.0/{bits}"), "http://10.0.0.1/");
        }
    }
}
