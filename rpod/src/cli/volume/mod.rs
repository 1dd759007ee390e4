//! Commands on volumes.

mod create;
mod exists;
mod export;
mod import;
mod inspect;
mod list;
mod mount;
mod prune;
mod reload;
mod rm;

pub use create::Create;
pub use exists::Exists;
pub use export::Export;
pub use import::Import;
pub use inspect::{Inspect, not_found};
pub use list::List;
pub use mount::{Mount, Unmount};
pub use prune::Prune;
pub use reload::Reload;
pub use rm::Rm;
