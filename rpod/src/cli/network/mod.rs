//! Commands on networks.

mod connect;
mod create;
mod disconnect;
mod exists;
mod inspect;
mod list;
mod prune;
mod reload;
mod rm;
mod update;

pub use connect::Connect;
pub use create::Create;
pub use disconnect::Disconnect;
pub use exists::Exists;
pub use inspect::Inspect;
pub(super) use inspect::go_name;
pub use list::List;
pub use prune::Prune;
pub use reload::Reload;
pub use rm::Rm;
pub use update::Update;
