//! A client of the OCI distribution-spec.
//!
//! Nothing is asked that is not needed: no ping before the first request, unless plain HTTP is allowed and the scheme must be found.
//! A 401 is answered once, with what its challenge asks for; what was obtained serves all later requests.

//!
//! ```text
//! client         one request: challenge, redirects, tries      contents  manifests and small blobs
//! authorization  tokens and passwords by scope                 resume    blobs whose download is taken up again
//! agents         connections, through proxies or not           location  where an answer leads to
//! kept           what a broken-off run has downloaded          shared    one client for all images of a repository
//! until_done     the blobs of a copy that has nothing else to show    forward   plain HTTP through a proxy
//! scheme         HTTPS or HTTP, where either will do
//! retry          when and how often to try again               refused   the registry's own words
//! known          which repositories have a blob, from run to run
//! daemon         Docker's, over a socket in the file system (unix) or TCP
//! ```

mod agents;
mod authorization;
mod challenge;
mod client;
mod contents;
mod daemon;
mod forward;
mod kept;
mod known;
mod location;
mod proxy;
mod refused;
mod resume;
mod retry;
mod scheme;
mod shared;
mod tls;
mod token;
mod unix;
mod until_done;

#[cfg(test)]
mod tests;

pub use authorization::Scope;
pub use client::{Client, Method};
pub use contents::document;
pub use daemon::Daemon;
pub use kept::KeptDownload;
pub use refused::{Denied, ManifestInvalid, Unavailable, is_unreachable, refused};
use resume::Download;
pub use retry::is_transient;
pub use tls::choose_details as choose_tls_details;
pub use until_done::UntilDone;
