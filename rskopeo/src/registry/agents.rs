//! The HTTP agents of one client: which one a URL is asked by depends on its scheme and on the proxies.

use std::time::Duration;

use anyhow::{Context, Result};
use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector as _, SocksConnector, TcpConnector,
};
use ureq::{Agent, Proxy, ProxyProtocol};

use super::forward::{ForwardConnector, ToProxy};
use super::proxy::Proxies;
use super::tls::TlsConnector;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that sends nothing for so long is taken for dead.
const STALLED: Duration = match cfg!(test) {
    false => Duration::from_secs(180),
    true => Duration::from_secs(1),
};
/// Blobs of several images at a time, and their manifests.
const IDLE_CONNECTIONS: usize = 10;
const BUFFER: usize = 128 * 1024;

#[derive(Debug)]
pub struct Agents {
    direct: Agent,
    http_proxy: Option<Proxied>,
    https_proxy: Option<Proxied>,
    proxies: Proxies,
}

#[derive(Debug)]
struct Proxied {
    agent: Agent,
    /// `proxy.example.com:3128`
    proxy: String,
}

impl Agents {
    pub fn new(tls: &TlsConnector, user_agent: &str, proxies: Proxies) -> Result<Self> {
        // Not the URL itself in errors: it may hold a password.
        let proxy = |url: Option<&str>| -> Result<Option<Proxy>> {
            url.map(Proxy::new)
                .transpose()
                .context("reading the proxy that the environment names")
        };
        let tunnelled = |proxy: Proxy| Proxied {
            proxy: format!("{}:{}", proxy.host(), proxy.port()),
            agent: agent(tls, user_agent, Some(proxy)),
        };
        let http_proxy = proxy(proxies.http())?.map(|proxy| match proxy.protocol() {
            ProxyProtocol::Http => Proxied {
                proxy: format!("{}:{}", proxy.host(), proxy.port()),
                agent: forwarded(user_agent, &proxy),
            },
            _ => tunnelled(proxy),
        });
        Ok(Self {
            direct: agent(tls, user_agent, None),
            http_proxy,
            https_proxy: proxy(proxies.https())?.map(tunnelled),
            proxies,
        })
    }

    pub fn for_url(&self, url: &str) -> &Agent {
        self.proxied(url)
            .map_or(&self.direct, |proxied| &proxied.agent)
    }

    /// The proxy through which a URL is asked for.
    pub fn proxy_for(&self, url: &str) -> Option<&str> {
        self.proxied(url).map(|proxied| proxied.proxy.as_str())
    }

    fn proxied(&self, url: &str) -> Option<&Proxied> {
        let through = match url.starts_with("https://") {
            true => self.https_proxy.as_ref(),
            false => self.http_proxy.as_ref(),
        };
        through.filter(|_| !self.proxies.is_exception(url))
    }
}

fn agent(tls: &TlsConnector, user_agent: &str, proxy: Option<Proxy>) -> Agent {
    let connector =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(tls.clone());
    let config = config(user_agent, proxy);
    Agent::with_parts(config, connector, DefaultResolver::default())
}

/// For plain HTTP.
fn forwarded(user_agent: &str, proxy: &Proxy) -> Agent {
    let connector = ().chain(TcpConnector::default()).chain(ForwardConnector::new(proxy));
    Agent::with_parts(config(user_agent, None), connector, ToProxy::new(proxy))
}

fn config(user_agent: &str, proxy: Option<Proxy>) -> Config {
    Config::builder()
        .http_status_as_error(false)
        // Redirects are followed by the client, which knows which host may see the credentials.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_per_read(Some(STALLED))
        .max_idle_connections(2 * IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .input_buffer_size(BUFFER)
        .output_buffer_size(BUFFER)
        .user_agent(user_agent)
        .proxy(proxy)
        .build()
}
