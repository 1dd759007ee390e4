//! A client of the OCI distribution-spec.
//!
//! Nothing is asked that is not needed: no ping before the first request, unless plain HTTP is allowed and the scheme must be found.
//! A 401 is answered once, with what its challenge asks for; what was obtained serves all later requests.

mod challenge;
mod client;
mod contents;
mod tls;
mod token;

#[cfg(test)]
mod tests;

pub use client::{Client, Method, Scope, refused};
