//! The configuration files that skopeo and podman share.

mod policy;

pub use policy::Policy;
