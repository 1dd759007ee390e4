//! Commands on artifacts: podman-artifact(1).

mod add;
mod extract;
mod inspect;
mod list;
mod pull;
mod push;
mod rm;

pub use add::Add;
pub use extract::Extract;
pub use inspect::Inspect;
pub(super) use inspect::{methods, shown};
pub use list::List;
pub use pull::Pull;
pub use push::Push;
pub use rm::Rm;
