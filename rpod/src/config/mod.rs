//! What was configured: containers.conf(5), and where the programs that rpod starts are found.

mod containers_conf;
mod parts;

use anyhow::Result;

pub use containers_conf::ContainersConf;
pub use parts::find_part;

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
