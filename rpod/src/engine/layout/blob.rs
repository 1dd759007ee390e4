//! Blobs as they come into a layout: each is written under a `.tmp-` name, locked by its writer, synced, and renamed to its digest.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Layout, hex};
use crate::store::id;

/// A blob of a layout.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    pub size: u64,
}

impl Layout {
    /// Writes a blob; its name is known once it is written.
    pub fn put_blob(&self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Blob> {
        let blobs = self.blobs();
        fs::create_dir_all(&blobs).with_context(|| format!("making {}", blobs.display()))?;
        let marker = self.root.join("oci-layout");
        if !marker.exists() {
            fs::write(&marker, r#"{"imageLayoutVersion":"1.0.0"}"#)
                .with_context(|| format!("writing {}", marker.display()))?;
        }
        let temporary = blobs.join(format!(".tmp-{}", id::new()?));
        let written = write_blob(&temporary, &blobs, write);
        if written.is_err() {
            // What failed is the error; a temporary file that stays is swept.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Writes a blob elsewhere, and fails if it is not what its digest says.
    pub fn copy_blob(&self, digest: &str, out: &mut impl Write) -> Result<()> {
        let path = self.blob(digest)?;
        let reading = || format!("reading {}", path.display());
        let mut out = Hashing::new(out);
        let mut file = File::open(&path).with_context(reading)?;
        io::copy(&mut file, &mut out).with_context(reading)?;
        let found = out.blob().digest;
        if found != digest {
            bail!("{} is damaged: its digest is {found}", path.display());
        }
        Ok(())
    }

    /// Fails if a blob is not what its digest says, or has another size; only the size is looked at if that is to be `quick`.
    pub fn verify(&self, digest: &str, size: Option<u64>, quick: bool) -> Result<()> {
        let path = self.blob(digest)?;
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let found = file.metadata().context("stat")?.len();
        if let Some(size) = size
            && size != found
        {
            bail!("{} has {found} bytes, not {size}", path.display());
        }
        match quick {
            true => Ok(()),
            false => self.copy_blob(digest, &mut io::sink()),
        }
    }

    pub fn put_json(&self, value: &Value) -> Result<Blob> {
        self.put_blob(|out| Ok(serde_json::to_writer(out, value)?))
    }
}

fn write_blob(
    temporary: &Path,
    blobs: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<Blob> {
    let context = || format!("writing {}", temporary.display());
    let file = File::create_new(temporary).with_context(context)?;
    file.lock().with_context(context)?;
    let mut out = Hashing::new(BufWriter::with_capacity(1 << 20, &file));
    write(&mut out)?;
    out.flush().with_context(context)?;
    let blob = out.blob();
    file.sync_all().with_context(context)?;
    fs::rename(temporary, blobs.join(hex(&blob.digest)?)).with_context(context)?;
    Ok(blob)
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
    size: u64,
}

impl<W> Hashing<W> {
    fn new(out: W) -> Hashing<W> {
        Hashing {
            out,
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// What was written so far.
    fn blob(self) -> Blob {
        let digest = self.hash.finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Blob {
            digest: format!("sha256:{hex}"),
            size: self.size,
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
