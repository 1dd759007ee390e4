//! What an engine asks of a runtime beyond starting processes. Each test runs on runc and on rrunc, save where runc knows less.

mod begun;
mod running;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tests::bundle;
use tests::trial::{Trial, trial_on};
use tests::{Cmd, Result, Scratch, ensure, ours, peer};

/// A runtime and one container of it, deleted with the test.
struct Machine {
    program: PathBuf,
    id: String,
    scratch: Scratch,
}

impl Machine {
    fn new(program: &str) -> Result<Machine> {
        let scratch = Scratch::new()?;
        Ok(Machine {
            program: if program == "rrunc" {
                ours(program)?
            } else {
                peer(program)?
            },
            id: scratch.id("c"),
            scratch,
        })
    }

    /// A bundle whose cgroup has this test's name.
    fn bundle(&self, args: &[&str], change: impl FnOnce(&mut Value)) -> Result<PathBuf> {
        let dir = self.scratch.path("bundle");
        bundle::make(&dir, args, |config| {
            config["linux"]["cgroupsPath"] = json!(format!("/{}", self.id));
            change(config);
        })
    }

    fn cmd(&self, line: &str) -> Cmd {
        Cmd::new(&self.program)
            .arg("--root")
            .arg(self.scratch.path("state"))
            .words(&line.replace("ID", &self.id))
    }

    /// Start the container in the background; its stdio goes nowhere.
    fn start(&self) -> Result<()> {
        let bundle = self.scratch.path("bundle");
        let status = self
            .cmd("run --detach ID")
            .dir(bundle)
            .into_command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.scratch.path("stderr"))?)
            .status()?;
        ensure!(
            status.success(),
            "{}",
            fs::read_to_string(self.scratch.path("stderr"))?
        );
        Ok(())
    }

    fn status(&self) -> Result<String> {
        let state = self.cmd("state ID").ok()?.json()?;
        Ok(state["status"].as_str().unwrap_or_default().to_owned())
    }

    /// A file of the container's group, in v1 of this controller's.
    fn group(&self, controller: &str) -> PathBuf {
        let v1 = format!("/sys/fs/cgroup/{controller}/{}", self.id);
        let v2 = format!("/sys/fs/cgroup/{}", self.id);
        PathBuf::from(if fs::exists(&v1).unwrap_or(false) {
            v1
        } else {
            v2
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Err(error) = self.cmd("delete --force ID").run() {
            eprintln!("deleting the container: {error:#}");
        }
    }
}

type Contract = fn(&Machine) -> Result<()>;

pub(crate) fn contracts() -> Vec<Trial> {
    let both: [(&str, Contract); 5] = [
        ("pause_stops_and_resume_goes_on", running::pause),
        ("ps_and_kill_see_all_processes", running::processes),
        ("events_count_what_is_used", running::events),
        ("update_changes_limits", running::update),
        ("exec_enters_a_group_below", running::sub_group),
    ];
    let ours_alone: [(&str, Contract); 7] = [
        ("what_is_not_supported_is_refused_by_name", refusals),
        ("readiness_is_passed_on", begun::readiness),
        ("network_devices_move_with_their_addresses", begun::devices),
        ("a_checkpoint_is_restored", running::checkpoint),
        ("roots_have_every_propagation", begun::propagations),
        (
            "a_root_below_a_private_directory_is_entered",
            begun::private_root,
        ),
        ("execve_has_the_last_word", begun::not_executed),
    ];
    let runs = |program: &'static str, tests: &[(&str, Contract)]| -> Vec<Trial> {
        tests
            .iter()
            .map(|(name, test)| {
                let test = *test;
                trial_on(program, &format!("runtime::{name}"), move || {
                    test(&Machine::new(program)?)
                })
            })
            .collect()
    };
    let mut trials = runs("runc", &both);
    trials.extend(runs("rrunc", &both));
    trials.extend(runs("rrunc", &ours_alone));
    trials
}

fn refusals(machine: &Machine) -> Result<()> {
    let cases: [(&str, Value, &str); 6] = [
        (
            "/linux/intelRdt",
            json!({"l3CacheSchema": "L3:0=f"}),
            "linux.intelRdt",
        ),
        ("/linux/mountLabel", json!("system_u:x"), "linux.mountLabel"),
        (
            "/linux/personality",
            json!({"domain": "SOLARIS"}),
            "linux.personality",
        ),
        (
            "/process/scheduler",
            json!({"policy": "SCHED_LUCK"}),
            "process.scheduler",
        ),
        (
            "/process/ioPriority",
            json!({"class": "IOPRIO_CLASS_BE", "priority": 9}),
            "process.ioPriority",
        ),
        (
            "/annotations",
            json!({"run.oci.handler": "krun"}),
            "run.oci.handler",
        ),
    ];
    for (pointer, value, name) in cases {
        let bundle = machine.bundle(&["true"], |config| {
            if let Some((parent, field)) = pointer.rsplit_once('/')
                && let Some(parent) = config.pointer_mut(parent)
            {
                parent[field] = value.clone();
            }
        })?;
        machine
            .cmd("run ID")
            .dir(&bundle)
            .exits(1)?
            .complains(name)?;
        machine.cmd("list -q").run()?.is("")?;
        fs::remove_dir_all(bundle)?;
    }
    Ok(())
}
