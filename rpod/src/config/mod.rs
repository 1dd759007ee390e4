//! What was configured: containers.conf(5), and where the programs that rpod starts are found.

mod containers_conf;
mod parts;
mod storage_conf;

use std::path::PathBuf;

use anyhow::Result;

pub use containers_conf::{Containers, ContainersConf, Size};
pub use parts::find_part;
pub use storage_conf::{
    StorageOptions, parse_inodes, parse_size, replace_storage_options, storage_options,
};

#[derive(Debug)]
pub struct Config {
    pub containers_conf: ContainersConf,
}

impl Config {
    /// `modules`: more files of containers.conf, as `--module` names them.
    pub fn load(modules: &[PathBuf]) -> Result<Config> {
        Ok(Config {
            containers_conf: ContainersConf::load(modules)?,
        })
    }
}
