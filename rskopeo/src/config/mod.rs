//! The configuration files that skopeo and podman share.

mod auth;
mod policy;
mod registries;

pub use auth::credentials;
pub use policy::Policy;
pub use registries::{Endpoint, Registries};
