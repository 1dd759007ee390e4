//! The HTTP agents of one client: which one a URL is asked by depends on its scheme and on the proxies.

use std::time::Duration;

use anyhow::{Context, Result};
use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector as _, SocksConnector, TcpConnector,
};
use ureq::{Agent, Proxy};

use super::proxy::Proxies;
use super::tls::TlsConnector;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// A peer that sends nothing for so long is taken for dead.
const STALLED: Duration = match cfg!(test) {
    false => Duration::from_secs(180),
    true => Duration::from_millis(300),
};
/// Blobs of several images at a time, and their manifests.
const IDLE_CONNECTIONS: usize = 10;
const BUFFER: usize = 128 * 1024;

#[derive(Debug)]
pub struct Agents {
    direct: Agent,
    http_proxy: Option<Agent>,
    https_proxy: Option<Agent>,
    proxies: Proxies,
}

impl Agents {
    pub fn new(tls: &TlsConnector, user_agent: &str, proxies: Proxies) -> Result<Self> {
        let through = |url: Option<&str>| -> Result<Option<Agent>> {
            let Some(url) = url else {
                return Ok(None);
            };
            // Not the URL itself: it may hold a password.
            let proxy = Proxy::new(url).context("reading the proxy that the environment names")?;
            Ok(Some(agent(tls, user_agent, Some(proxy))))
        };
        Ok(Self {
            direct: agent(tls, user_agent, None),
            http_proxy: through(proxies.http())?,
            https_proxy: through(proxies.https())?,
            proxies,
        })
    }

    pub fn for_url(&self, url: &str) -> &Agent {
        let through = match url.starts_with("https://") {
            true => self.https_proxy.as_ref(),
            false => self.http_proxy.as_ref(),
        };
        through
            .filter(|_| !self.proxies.is_exception(url))
            .unwrap_or(&self.direct)
    }
}

fn agent(tls: &TlsConnector, user_agent: &str, proxy: Option<Proxy>) -> Agent {
    let config = Config::builder()
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
        .build();
    let connector =
        ().chain(SocksConnector::default())
            .chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(tls.clone());
    Agent::with_parts(config, connector, DefaultResolver::default())
}
