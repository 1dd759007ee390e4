//! Commands on pods: podman-pod(1).

mod clone;
mod create;
mod exists;
mod infra;
mod inherited;
mod inspect;
mod kill;
mod limits;
mod logs;
mod pause;
mod prune;
mod ps;
mod restart;
mod rm;
mod selection;
mod start;
mod stats;
mod stop;
mod top;

pub use clone::Clone;
pub use create::Create;
pub use exists::Exists;
pub use inspect::{Inspect, not_found};
pub use kill::Kill;
pub use logs::Logs;
pub use pause::{Pause, Unpause};
pub use prune::Prune;
pub use ps::Ps;
pub use restart::Restart;
pub use rm::Rm;
pub use start::Start;
pub use stats::Stats;
pub use stop::Stop;
pub use top::Top;
