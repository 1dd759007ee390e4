//! An ordinary user of this host, made for one test and removed after it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::Cmd;
use crate::programs::{ours, peer};
use crate::scratch::Scratch;
use crate::trial::skip;

/// Whether the user gets ranges of subordinate ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranges {
    Some,
    None,
}

#[derive(Debug)]
pub struct User {
    pub name: String,
    pub uid: u32,
    /// Its home, which holds its runtime directory and the programs under test, too.
    pub home: PathBuf,
}

/// Devices that this machine may keep to root are opened to all in mounts of the command's own.
const ENTER: &str = r#"
for device in "fuse 10 229 /dev/fuse" "tun 10 200 /dev/net/tun"; do
    set -- $device "$@"; node=$DEVICES/$1; place=$4
    [ -e "$place" ] && { mknod -m 666 "$node" c "$2" "$3" 2>/dev/null; chmod 666 "$node" && mount --bind "$node" "$place"; }
    shift 4
done
groups=--init-groups
[ -z "$TEST_GROUP" ] || groups=--groups=$TEST_UID,$TEST_GROUP
cd "$HOME" && exec setpriv --reuid "$TEST_UID" --regid "$TEST_UID" "$groups" -- "$@"
"#;

impl User {
    /// A test that is not root's, or a machine without what ordinary users need, is skipped.
    pub fn new(scratch: &Scratch, name: &str, ranges: Ranges) -> Result<User> {
        if !nix::unistd::geteuid().is_root() {
            return skip("making a user needs root");
        }
        for program in ["useradd", "usermod", "userdel", "newuidmap", "setpriv"] {
            peer(program)?;
        }
        // Names are short, and a killed test's user is made anew.
        let name = format!("rs{}{name}", std::process::id());
        let home = scratch.path(&name);
        Cmd::new("useradd")
            .args(["--no-create-home", "--home-dir"])
            .arg(&home)
            .args(["--user-group", &name])
            .ok()?;
        let id = Cmd::new("id").args(["-u", &name]).ok()?;
        let uid = id.stdout.trim().parse().context("the user has no number")?;
        let user = User { name, uid, home };
        user.settle(ranges)?;
        Ok(user)
    }

    fn settle(&self, ranges: Ranges) -> Result<()> {
        let entries = fs::read_to_string("/etc/subuid").unwrap_or_default();
        let mine = format!("{}:", self.name);
        let own = entries.lines().find(|line| line.starts_with(&mine));
        match (ranges, own) {
            (Ranges::Some, None) => {
                let range = "700000-765535";
                Cmd::new("usermod")
                    .args(["--add-subuids", range, "--add-subgids", range, &self.name])
                    .ok()?;
            }
            (Ranges::None, Some(line)) => {
                let mut fields = line
                    .split(':')
                    .skip(1)
                    .filter_map(|field| field.parse::<u64>().ok());
                let (Some(start), Some(count)) = (fields.next(), fields.next()) else {
                    bail!("/etc/subuid: {line:?}")
                };
                let range = format!("{start}-{}", start + count - 1);
                Cmd::new("usermod")
                    .args(["--del-subuids", &range, "--del-subgids", &range, &self.name])
                    .ok()?;
            }
            _ => {}
        }
        for (directory, mode) in [
            // Users whose ids the container has not must come through.
            ("", 0o711),
            ("run", 0o700),
            ("bin", 0o755),
            ("devices", 0o755),
        ] {
            let path = self.home.join(directory);
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        for program in ["rpod", "rrunc", "rconmon", "rpause", "rskopeo"] {
            fs::copy(ours(program)?, self.home.join("bin").join(program))?;
        }
        let owner = format!("{0}:{0}", self.uid);
        Cmd::new("chown")
            .args(["-R", &owner])
            .arg(&self.home)
            .ok()?;
        Ok(())
    }

    /// The command as this user, in its home, with an environment as after a login.
    pub fn run(&self, cmd: Cmd) -> Cmd {
        let path = format!("{}/bin:/usr/bin:/bin:/usr/sbin:/sbin", self.home.display());
        cmd.through(
            "unshare",
            &["--mount", "--propagation", "slave", "sh", "-c", ENTER, "sh"],
        )
        .env("PATH", path)
        .env("HOME", &self.home)
        .env("USER", &self.name)
        .env("XDG_RUNTIME_DIR", self.home.join("run"))
        .env("DEVICES", self.home.join("devices"))
        .env("TEST_UID", self.uid.to_string())
        .without("XDG_DATA_HOME")
        .without("XDG_CONFIG_HOME")
        .dir("/")
    }

    /// rpod as this user.
    pub fn rpod(&self, line: &str) -> Cmd {
        self.run(Cmd::new(self.home.join("bin/rpod")).words(line))
    }

    /// rpod as this user with one more group.
    pub fn rpod_in_group(&self, group: u32, line: &str) -> Cmd {
        self.rpod(line).env("TEST_GROUP", group.to_string())
    }

    /// A shell as this user.
    pub fn sh(&self, script: &str) -> Cmd {
        self.run(Cmd::new("sh").args(["-c", script]))
    }

    /// The process that holds the user's namespaces.
    pub fn holder(&self) -> Result<Pid> {
        let text = fs::read_to_string(self.home.join("run/rpod/pause.pid"))?;
        let pid = text.split_whitespace().next().unwrap_or_default();
        Ok(Pid::from_raw(pid.parse().context("pause.pid")?))
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // Whatever runs as this user was started by the test. A few rounds, for those that were just being born.
        for _ in 0..10 {
            let pids = processes(self.uid);
            if pids.is_empty() {
                break;
            }
            for pid in pids {
                let _ = kill(pid, Signal::SIGKILL);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let _ = Cmd::new("userdel").args(["--force", &self.name]).run();
    }
}

/// Processes of the user, also those that are other users of the user's namespace.
fn processes(uid: u32) -> Vec<Pid> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let map = fs::read_to_string(entry.path().join("uid_map")).unwrap_or_default();
        let is_zombie = fs::read_link(entry.path().join("exe")).is_err();
        let in_namespace = map.split_whitespace().nth(1) == Some(&uid.to_string());
        if !is_zombie && (in_namespace || entry.metadata().is_ok_and(|about| about.uid() == uid)) {
            found.push(Pid::from_raw(pid));
        }
    }
    found
}
