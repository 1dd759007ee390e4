//! Commands on all nouns at once: podman-system(1).

mod check;
pub mod connection;
mod df;
mod migrate;
mod prune;
mod renumber;
mod reset;

pub use check::Check;
pub use df::Df;
pub use migrate::Migrate;
pub use prune::Prune;
pub use renumber::Renumber;
pub use reset::Reset;
