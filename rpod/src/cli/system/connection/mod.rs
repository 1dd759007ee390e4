//! Commands on connections: podman-system-connection(1).

mod add;
mod change;
mod list;

pub use add::Add;
pub use change::{Default, Remove, Rename};
pub use list::List;
