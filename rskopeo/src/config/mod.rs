//! The configuration files that skopeo and podman share.

mod auth;
mod auth_file;
mod credential_helper;
mod policy;
mod registries;

pub use auth::{Credentials, credentials, forget, forget_all, keep};
pub use policy::Policy;
pub use registries::{Endpoint, Registries};
