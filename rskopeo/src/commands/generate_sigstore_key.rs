//! `generate-sigstore-key --output-prefix PREFIX`

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::GenerateSigstoreKey;
use crate::signature::{KeyPair, passphrase};
use crate::terminal;

pub fn run(args: &GenerateSigstoreKey) -> Result<()> {
    let public = PathBuf::from(format!("{}.pub", args.output_prefix));
    let private = PathBuf::from(format!("{}.private", args.output_prefix));
    for path in [&public, &private] {
        if fs::symlink_metadata(path).is_ok() {
            bail!("Refusing to overwrite existing {:?}", path.display());
        }
    }
    let passphrase = match &args.passphrase_file {
        Some(path) => passphrase::read_file(path)?,
        None => passphrase::ask(&private, passphrase::Times::Twice)?,
    };
    let keys = KeyPair::generate(passphrase.as_bytes())?;
    write_new(&private, 0o600, &keys.private)?;
    write_new(&public, 0o644, &keys.public)?;
    terminal::line(format_args!(
        "Key written to {:?} and {:?}",
        public.display(),
        private.display()
    ))?;
    Ok(())
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<()> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("Error writing key to {:?}", path.display()))
}
