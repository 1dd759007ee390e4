//! The configuration files that skopeo and podman share.

mod auth;
mod auth_file;
mod credential_helper;
mod policy;
mod registries;
mod registries_d;
mod search;
mod signing_params;

pub use auth::{Credentials, Place as AuthPlace, credentials, given_authfile};
#[cfg(any(test, fuzzing))]
pub use auth_file::AuthFile;
pub use policy::{IdentityMatch, Policy, Requirement, SignedBy, SigstoreSigned, name_scopes};
pub use registries::{Endpoint, Registries};
pub use registries_d::RegistriesD;
pub use search::home;
pub use signing_params::SigningParams;
