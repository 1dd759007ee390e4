//! The command line, one file a subcommand. Parsed arguments are plain data; `commands` acts on them.

mod manifest_digest;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

pub use manifest_digest::ManifestDigest;

/// Various operations with container images and container image registries
#[derive(Debug, Parser)]
#[command(
    name = "rskopeo",
    version,
    disable_help_subcommand = false,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command (skopeo(1) "OPTIONS").
#[derive(Debug, clap::Args)]
pub struct Global {
    /// Path to a trust policy file
    #[arg(long, value_name = "FILE", global = true)]
    pub policy: Option<PathBuf>,
    /// Run the tool without any policy check
    #[arg(long, global = true)]
    pub insecure_policy: bool,
    /// Use OS instead of the running OS for choosing images
    #[arg(long, value_name = "OS", global = true)]
    pub override_os: Option<String>,
    /// Use ARCH instead of the architecture of the machine for choosing images
    #[arg(long, value_name = "ARCH", global = true)]
    pub override_arch: Option<String>,
    /// Use VARIANT instead of the running architecture variant for choosing images
    #[arg(long, value_name = "VARIANT", global = true)]
    pub override_variant: Option<String>,
    /// Directory used to store temporary files
    #[arg(long, value_name = "DIR", global = true)]
    pub tmpdir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compute a manifest digest of a file
    ManifestDigest(ManifestDigest),
}

/// Parses the process's arguments; help and usage errors end the process here.
pub fn parse() -> Result<Cli> {
    Ok(Cli::parse())
}
