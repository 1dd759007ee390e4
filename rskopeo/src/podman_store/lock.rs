//! Lock files as containers/storage has them: record locks of fcntl(2) on the whole file, which holds a token of its last writer.
//! Whoever keeps a table in memory reads it anew when the token is another.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use ring::rand::{SecureRandom, SystemRandom};

use crate::atomic::directory_of;

/// The token's size in bytes: time, a counter, the process's id, and the rest random.
const TOKEN: usize = 64;

/// A lock that is held; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// None if there is no such file, and so nothing that it could guard.
    pub fn shared(path: &Path) -> Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Self::wait(file, libc::F_RDLCK, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("open {}", path.display())),
        }
    }

    /// Makes the file, and the directory that it is in, where they are missing.
    pub fn exclusive(path: &Path) -> Result<Self> {
        let directory = directory_of(path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(path)
            .with_context(|| format!("open {}", path.display()))?;
        Self::wait(file, libc::F_WRLCK, path)
    }

    /// The lock is the open file's and not the process's: another thread's closing of the same file does not let it go.
    fn wait(file: File, kind: i32, path: &Path) -> Result<Self> {
        let whole = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        loop {
            match fcntl(&file, FcntlArg::F_OFD_SETLKW(&whole)) {
                Ok(_) => return Ok(Self { file }),
                Err(Errno::EINTR) => {}
                Err(errno) => {
                    return Err(io::Error::from(errno))
                        .with_context(|| format!("locking {}", path.display()));
                }
            }
        }
    }

    /// Notes that this process is the last writer, before it writes: whoever finds the note reads anew, and errs on the safe side
    /// if nothing was written after all. The lock is held exclusively.
    pub fn note_writer(&self) -> Result<()> {
        let mut token = [0; TOKEN];
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_nanos() as u64);
        token[..8].copy_from_slice(&now.to_le_bytes());
        token[16..20].copy_from_slice(&std::process::id().to_le_bytes());
        SystemRandom::new()
            .fill(&mut token[20..])
            .map_err(|_| io::Error::other("the system gives no random bytes"))
            .and_then(|()| self.file.write_all_at(&token, 0))
            .context("noting the last writer in a lock file")
    }
}
