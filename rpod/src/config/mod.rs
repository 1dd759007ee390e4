//! What was configured: containers.conf(5), and where the programs that rpod starts are found.

mod containers_conf;
mod parts;
mod storage_conf;

use anyhow::Result;

pub use containers_conf::{Containers, ContainersConf, Size};
pub use parts::find_part;
pub use storage_conf::mount_program;

#[derive(Debug)]
pub struct Config {
    pub containers_conf: ContainersConf,
}

impl Config {
    pub fn load() -> Result<Config> {
        Ok(Config {
            containers_conf: ContainersConf::load()?,
        })
    }
}
