//! Which repositories of a registry have which blobs, as far as earlier runs have seen: what one has, another is given by the
//! registry itself.
//!
//! ```text
//! $XDG_CACHE_HOME/rskopeo/known-blobs/<registry>   a digest and a repository in each line, the newest last
//! ```
//!
//! Only guesses: the registry decides. So nothing here is an error, and a line that cannot be read or written is as good as none.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::kept;
use crate::digest::Digest;

/// When a file is larger, in bytes, its older half goes.
const MOST: u64 = 1 << 20;
/// Repositories of one blob that are worth a question.
const CANDIDATES: usize = 5;

#[derive(Debug)]
pub struct Known {
    /// None where there is no home.
    path: Option<PathBuf>,
    /// The newest last.
    repositories: Mutex<HashMap<Digest, Vec<String>>>,
}

impl Known {
    /// Of a registry, by its host and port.
    pub fn of(registry: &str) -> Self {
        Self::at(kept::directory().map(|cache| cache.join("known-blobs").join(registry)))
    }

    fn at(path: Option<PathBuf>) -> Self {
        let text = path.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let mut repositories: HashMap<Digest, Vec<String>> = HashMap::new();
        for line in text.iter().flat_map(|text| text.lines()) {
            if let Some((digest, repository)) = line.split_once(' ')
                && let Ok(digest) = digest.parse()
            {
                newest(repositories.entry(digest).or_default(), repository);
            }
        }
        Self {
            path,
            repositories: Mutex::new(repositories),
        }
    }

    /// Where else than in `but` a blob may be, the likeliest first.
    pub fn elsewhere(&self, blob: &Digest, but: &str) -> Vec<String> {
        let repositories = self.repositories();
        let known = repositories.get(blob).into_iter().flatten().rev();
        let others = known.filter(|repository| *repository != but);
        others.take(CANDIDATES).cloned().collect()
    }

    /// A repository has the blob.
    pub fn note(&self, blob: &Digest, repository: &str) {
        let mut repositories = self.repositories();
        let known = repositories.entry(blob.clone()).or_default();
        if known.last().is_some_and(|last| last == repository) {
            return;
        }
        newest(known, repository);
        if let Some(path) = &self.path {
            append(path, &format!("{blob} {repository}\n")).ok();
        }
    }

    fn repositories(&self) -> MutexGuard<'_, HashMap<Digest, Vec<String>>> {
        self.repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn newest(known: &mut Vec<String>, repository: &str) {
    known.retain(|other| other != repository);
    known.push(repository.to_owned());
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    // What was pushed with somebody's credentials is nobody else's business.
    let mut private = DirBuilder::new();
    private
        .recursive(true)
        .mode(0o700)
        .create(crate::atomic::directory_of(path))?;
    let mut file = File::options()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.lock()?;
    if file.metadata()?.len() > MOST {
        let mut text = String::new();
        file.rewind()?;
        file.read_to_string(&mut text)?;
        let lines: Vec<&str> = text.lines().collect();
        let newer = lines[lines.len() / 2..].join("\n");
        file.set_len(0)?;
        writeln!(file, "{newer}")?;
    }
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_next_run_knows_what_this_one_saw() {
        let directory = tempfile::tempdir().unwrap();
        let path = Some(directory.path().join("cache/r.example.com:5000"));
        let blob = Digest::sha256(b"x");
        let one = Known::at(path.clone());
        assert!(one.elsewhere(&blob, "").is_empty());
        for repository in ["a", "b", "b", "c", "a"] {
            one.note(&blob, repository);
        }
        for known in [one, Known::at(path)] {
            assert_eq!(known.elsewhere(&blob, "c"), ["a", "b"]);
            assert!(known.elsewhere(&Digest::sha256(b"y"), "").is_empty());
        }
    }

    #[test]
    fn the_older_half_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r");
        let old = Digest::sha256(b"old");
        let mut text = format!("{old} a\nnonsense\n");
        while text.len() as u64 <= MOST {
            text.push_str(&format!(
                "{} a\n",
                Digest::sha256(&text.len().to_le_bytes())
            ));
        }
        fs::write(&path, &text).unwrap();
        let new = Digest::sha256(b"new");
        Known::at(Some(path.clone())).note(&new, "b");
        assert!(fs::metadata(&path).unwrap().len() < MOST * 2 / 3);
        let known = Known::at(Some(path));
        assert_eq!(known.elsewhere(&new, ""), ["b"]);
        assert!(known.elsewhere(&old, "").is_empty());
    }

    #[test]
    fn without_a_home_it_knows_what_this_run_saw() {
        let known = Known::at(None);
        let blob = Digest::sha256(b"x");
        known.note(&blob, "a");
        assert_eq!(known.elsewhere(&blob, "b"), ["a"]);
    }
}
