//! Plain HTTP through a proxy of HTTP: it is asked for whole URLs, over the connection to itself (RFC 9112 section 3.2.2). A tunnel,
//! as for HTTPS, is what many proxies make to port 443 alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Proxy};

/// Whatever is looked up, it is the proxy that is connected to.
#[derive(Debug)]
pub struct ToProxy {
    proxy: Uri,
    resolver: DefaultResolver,
}

impl ToProxy {
    pub fn new(proxy: &Proxy) -> Self {
        Self {
            proxy: proxy.uri().clone(),
            resolver: DefaultResolver::default(),
        }
    }
}

impl Resolver for ToProxy {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.resolver.resolve(&self.proxy, config, timeout)
    }
}

/// Makes of a connection to the proxy one to whom it forwards to.
#[derive(Debug)]
pub struct ForwardConnector {
    /// A header line, when the proxy wants to know who asks.
    authorization: String,
}

impl ForwardConnector {
    pub fn new(proxy: &Proxy) -> Self {
        let (user, password) = (proxy.username(), proxy.password());
        let authorization = match (user, password) {
            (None, None) => String::new(),
            (user, password) => {
                let (user, password) = (user.unwrap_or_default(), password.unwrap_or_default());
                let told = STANDARD.encode(format!("{user}:{password}"));
                format!("Proxy-Authorization: Basic {told}\r\n")
            }
        };
        Self { authorization }
    }
}

impl<In: Transport> Connector<In> for ForwardConnector {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let authority = details.uri.authority().ok_or(Error::InvalidProxyUrl)?;
        let place = format!("http://{authority}");
        let authorization = self.authorization.clone();
        Ok(chained.map(|to_proxy| Forwarded {
            to_proxy,
            place,
            authorization,
            is_at_a_head: true,
        }))
    }
}

/// One place's requests, one after the other.
#[derive(Debug)]
pub struct Forwarded<T> {
    to_proxy: T,
    /// What every path is within: `http://registry.example.com:5000`
    place: String,
    authorization: String,
    /// What is sent next is a request's head: nothing was sent since the last answer.
    is_at_a_head: bool,
}

impl<T: Transport> Transport for Forwarded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.to_proxy.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if !std::mem::take(&mut self.is_at_a_head) {
            return self.to_proxy.transmit_output(amount, timeout);
        }
        let head = &self.to_proxy.buffers().output()[..amount];
        let head = whole(head, &self.place, &self.authorization);
        let mut left = head.as_slice();
        while !left.is_empty() {
            let output = self.to_proxy.buffers().output();
            let (now, later) = left.split_at(left.len().min(output.len()));
            output[..now.len()].copy_from_slice(now);
            self.to_proxy.transmit_output(now.len(), timeout)?;
            left = later;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.is_at_a_head = true;
        self.to_proxy.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.to_proxy.is_open()
    }
}

/// `GET /path HTTP/1.1` and what follows, with a whole URL and one header line more.
fn whole(head: &[u8], place: &str, header: &str) -> Vec<u8> {
    let mut whole = Vec::with_capacity(head.len() + place.len() + header.len());
    let path = head
        .iter()
        .position(|byte| *byte == b' ')
        .map_or(0, |at| at + 1);
    let line = head
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(path, |at| at + 1);
    whole.extend_from_slice(&head[..path]);
    whole.extend_from_slice(place.as_bytes());
    whole.extend_from_slice(&head[path..line]);
    whole.extend_from_slice(header.as_bytes());
    whole.extend_from_slice(&head[line..]);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_gets_a_whole_url() {
        let head = b"GET /v2/ HTTP/1.1\r\nhost: r.io\r\n\r\n";
        let told = whole(head, "http://r.io:5000", "A: b\r\n");
        let expected = b"GET http://r.io:5000/v2/ HTTP/1.1\r\nA: b\r\nhost: r.io\r\n\r\n";
        assert_eq!(told, expected);
        assert_eq!(whole(b"", "", ""), b"");
    }
}
