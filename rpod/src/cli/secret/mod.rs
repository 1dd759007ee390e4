//! Commands on secrets: podman-secret(1).

mod create;
mod exists;
mod inspect;
mod list;
mod rm;

pub use create::Create;
pub use exists::Exists;
pub use inspect::Inspect;
pub use list::List;
pub use rm::Rm;
