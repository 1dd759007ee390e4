//! Signatures: made, kept, carried along, and asked for by a policy.
//!
//! An image is admitted in this order ([`Trust::admit`]): the policy's requirements for where it comes from are found; each one
//! that wants a signature reads those that lie beside the image and looks for one that is made by a trusted key, gives the image
//! an accepted name, and is about this very manifest. Only then is the manifest parsed.
//!
//! ```text
//! blob          the two kinds of signature, and the form in which dir: and a lookaside keep them
//! payload       what a signature says: a name and a digest
//! gpg           simple signing, by the gpg program
//! sigstore/     keys, certificates and log entries of cosign's kind
//! identity      whether a signature's name is one that the policy accepts
//! requirement   whether an image fulfils one requirement
//! lookaside     files beside a registry, as registries.d says where
//! attachments   `sha256-….sig` tags in the registry itself
//! trust         all of it for one copy
//! ```

mod attachments;
mod blob;
mod gpg;
mod identity;
mod lookaside;
pub mod passphrase;
mod payload;
mod requirement;
mod sigstore;
mod store;
mod trust;

pub use blob::{Signature, read_numbered, remove_numbered, write_numbered};
pub use gpg::Gpg;
pub use lookaside::Lookaside;
pub use payload::{Claims, Kind};
#[cfg(any(test, fuzzing))]
pub use sigstore::parse_anything;
pub use sigstore::{KeyPair, PrivateKey};
pub use store::SignatureStore;
pub use trust::{Admitted, Terms, Trust};
