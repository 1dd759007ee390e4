//! What an engine asks of a runtime beyond starting processes. Each test runs on runc and on rrunc, save where runc knows less.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::bundle;
use tests::monitor::eventually;
use tests::trial::{Trial, trial_on};
use tests::{Cmd, Context, Result, Scratch, ensure, ours, peer, skip};

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
        ("pause_stops_and_resume_goes_on", pause),
        ("ps_and_kill_see_all_processes", processes),
        ("events_count_what_is_used", events),
        ("update_changes_limits", update),
        ("exec_enters_a_group_below", sub_group),
    ];
    let ours_alone: [(&str, Contract); 7] = [
        ("what_is_not_supported_is_refused_by_name", refusals),
        ("readiness_is_passed_on", readiness),
        ("network_devices_move_with_their_addresses", devices),
        ("a_checkpoint_is_restored", checkpoint),
        ("roots_have_every_propagation", propagations),
        ("a_root_below_a_private_directory_is_entered", private_root),
        ("execve_has_the_last_word", not_executed),
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

fn pause(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |_| {})?;
    machine.start()?;
    machine.cmd("resume ID").exits(1)?;
    machine.cmd("pause ID").ok()?;
    ensure!(machine.status()? == "paused", "{}", machine.status()?);
    machine
        .cmd("exec ID true")
        .exits(255)?
        .complains("paused container")?;
    machine.cmd("resume ID").ok()?;
    ensure!(machine.status()? == "running", "{}", machine.status()?);
    // A frozen process has to be thawed to die.
    machine.cmd("pause ID").ok()?;
    machine.cmd("delete --force ID").ok()?;
    machine.cmd("list -q").ok()?.is("")?;
    Ok(())
}

fn processes(machine: &Machine) -> Result<()> {
    machine.bundle(&["sh", "-c", "sleep 600 & sleep 600 & wait"], |_| {})?;
    machine.start()?;
    let pids = || -> Result<Vec<i64>> {
        let pids = machine.cmd("ps --format json ID").ok()?.json()?;
        let pids = pids.as_array().context("no array")?.clone();
        Ok(pids.iter().filter_map(Value::as_i64).collect())
    };
    while pids()?.len() < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let init = machine.cmd("state ID").ok()?.json()?["pid"].as_i64();
    ensure!(init.is_some_and(|init| pids().is_ok_and(|pids| pids.contains(&init))));
    machine
        .cmd("ps ID -o pid,args")
        .ok()?
        .says("PID COMMAND")?
        .says("sleep 600")?;
    machine.cmd("kill --all ID KILL").ok()?;
    while machine.status()? != "stopped" {
        std::thread::sleep(Duration::from_millis(20));
    }
    machine
        .cmd("kill ID TERM")
        .exits(1)?
        .complains("not running")?;
    Ok(())
}

fn events(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |config| {
        config["linux"]["resources"]["pids"] = json!({"limit": 30});
    })?;
    machine.start()?;
    let output = machine.cmd("events --stats ID").ok()?;
    // Readers go by the order.
    output.says(format!(
        "{{\"type\":\"stats\",\"id\":\"{}\",\"data\":{{",
        machine.id
    ))?;
    let data = &output.json()?["data"];
    ensure!(data["pids"] == json!({"current": 1, "limit": 30}), "{data}");
    for path in ["/cpu/usage/total", "/memory/usage/usage"] {
        let number = data.pointer(path).and_then(Value::as_u64);
        ensure!(number.is_some_and(|number| number > 0), "{path} in {data}");
    }
    Ok(())
}

fn update(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |_| {})?;
    machine.start()?;
    machine
        .cmd("update --memory 64m --pids-limit 20 --cpu-share 512 ID")
        .ok()?;
    let read = |controller: &str, v1: &str, v2: &str| {
        let group = machine.group(controller);
        fs::read_to_string(group.join(v1)).or_else(|_| fs::read_to_string(group.join(v2)))
    };
    let memory = read("memory", "memory.limit_in_bytes", "memory.max")?;
    ensure!(memory.trim() == "67108864", "{memory}");
    let pids = read("pids", "pids.max", "pids.max")?;
    ensure!(pids.trim() == "20", "{pids}");
    machine
        .cmd("update --resources - ID")
        .stdin(r#"{"memory": {"limit": 33554432}}"#)
        .ok()?;
    let memory = read("memory", "memory.limit_in_bytes", "memory.max")?;
    ensure!(memory.trim() == "33554432", "{memory}");
    let pids = read("pids", "pids.max", "pids.max")?;
    ensure!(
        pids.trim() == "20",
        "what was not given has changed: {pids}"
    );
    machine.cmd("update --memory much ID").exits(1)?;
    Ok(())
}

fn sub_group(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |_| {})?;
    machine.start()?;
    let group = machine.group("pids");
    fs::create_dir(group.join("below"))?;
    let v1 = group.starts_with("/sys/fs/cgroup/pids");
    let wanted = if v1 { "pids:below" } else { "below" };
    machine
        .cmd(&format!("exec --cgroup {wanted} ID cat /proc/self/cgroup"))
        .ok()?
        .says("/below")?;
    machine
        .cmd(&format!("exec --cgroup {wanted}/../.. ID true"))
        .exits(255)?
        .complains("sub cgroup path")?;
    Ok(())
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

fn propagations(machine: &Machine) -> Result<()> {
    for kind in ["private", "shared", "slave", "unbindable"] {
        for name in [kind.to_owned(), format!("r{kind}")] {
            let bundle = machine.bundle(&["echo", "started"], |config| {
                config["linux"]["rootfsPropagation"] = json!(name);
            })?;
            machine.cmd("run ID").dir(&bundle).ok()?.is("started")?;
            fs::remove_dir_all(bundle)?;
        }
    }
    Ok(())
}

/// Where nobody whom the container's user namespace knows may pass.
fn private_root(machine: &Machine) -> Result<()> {
    let private = machine.scratch.path("private");
    fs::create_dir(&private)?;
    let bundle = machine.bundle(&["cat", "/data/file"], |config| {
        let ids = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
        config["linux"]["uidMappings"] = ids.clone();
        config["linux"]["gidMappings"] = ids;
        if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
            namespaces.push(json!({"type": "user"}));
        }
        // One that the root has, which only a helper can copy by then.
        if let Some(mounts) = config["mounts"].as_array_mut() {
            mounts.push(json!({"destination": "/data", "source": "rootfs/tmp", "type": "bind", "options": ["rbind"]}));
        }
    })?;
    for name in ["data", "sys/fs"] {
        fs::create_dir_all(bundle.join("rootfs").join(name))?;
    }
    fs::write(bundle.join("rootfs/tmp/file"), "found")?;
    let moved = private.join("bundle");
    fs::rename(bundle, &moved)?;
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700))?;
    machine.cmd("run ID").dir(&moved).ok()?.is("found")?;
    Ok(())
}

/// A container whose program cannot be executed has run all the same: no log line, but its own words, as runc's.
fn not_executed(machine: &Machine) -> Result<()> {
    let bundle = machine.bundle(&["/script"], |_| {})?;
    let script = bundle.join("rootfs/script");
    fs::write(&script, "#!/no/interpreter\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let run = machine.cmd("run ID").dir(&bundle).exits(255)?;
    let said = run.stderr.lines().last();
    ensure!(
        said == Some("exec /script: no such file or directory"),
        "{run}"
    );
    machine.cmd("list -q").ok()?.is("")?;
    machine
        .cmd("run --detach ID")
        .dir(&bundle)
        .exits(1)?
        .complains("exec /script: no such file or directory")?;
    Ok(())
}

fn readiness(machine: &Machine) -> Result<()> {
    let script = "test -S $NOTIFY_SOCKET && sleep 600";
    machine.bundle(&["sh", "-c", script], |_| {})?;
    let host = machine.scratch.path("host");
    let socket = UnixDatagram::bind(&host)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut waiting = machine
        .cmd("run --detach ID")
        .env("NOTIFY_SOCKET", &host)
        .dir(machine.scratch.path("bundle"))
        .into_command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let inside = machine
        .scratch
        .path("state")
        .join(&machine.id)
        .join("notify/notify.sock");
    while !inside.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    UnixDatagram::unbound()?.send_to(b"MAINPID=1\nREADY=1", &inside)?;
    let mut packet = [0; 256];
    let length = socket.recv(&mut packet)?;
    let said = String::from_utf8_lossy(&packet[..length]).into_owned();
    ensure!(
        said.starts_with("READY=1\nMAINPID=") && !said.contains("MAINPID=1\n"),
        "{said:?}"
    );
    ensure!(waiting.wait()?.success());
    Ok(())
}

fn devices(machine: &Machine) -> Result<()> {
    let ip = peer("ip")?;
    let (name, other) = (
        format!("rt{}a", std::process::id()),
        format!("rt{}b", std::process::id()),
    );
    let add = format!("link add {name} type veth peer name {other}");
    if Cmd::new(&ip).words(&add).run()?.code != 0 {
        return skip("this kernel makes no veth devices");
    }
    let address = format!("address add 10.99.7.1/24 dev {name}");
    Cmd::new(&ip).words(&address).ok()?;
    let bundle = machine.bundle(&["busybox", "ip", "address"], |config| {
        config["linux"]["netDevices"] = json!({name.as_str(): {"name": "inside0"}});
    })?;
    let output = machine.cmd("run ID").dir(bundle).run()?;
    // It ends with its namespace, and its peer with it; the kernel takes namespaces apart in its own time.
    let place = format!("/sys/class/net/{other}");
    let gone = eventually("the device is gone", || !Path::new(&place).exists());
    if gone.is_err() {
        Cmd::new(&ip).words(&format!("link delete {other}")).run()?;
    }
    output.says("inside0")?.says("10.99.7.1/24")?;
    gone
}

fn checkpoint(machine: &Machine) -> Result<()> {
    let criu = peer("criu")?;
    if Cmd::new(criu).arg("check").run()?.code != 0 {
        return skip("criu does not work on this kernel");
    }
    let count = "i=0; while :; do i=$((i+1)); echo $i > /tmp/n; sleep 0.1; done";
    machine.bundle(&["sh", "-c", count], |config| {
        config["root"]["readonly"] = json!(false);
    })?;
    machine.start()?;
    let file = machine.scratch.path("bundle/rootfs/tmp/n");
    let count = || -> Result<u64> {
        let text = fs::read_to_string(&file).unwrap_or_default();
        Ok(text.trim().parse().unwrap_or(0))
    };
    while count()? < 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let images = machine.scratch.path("images");
    machine
        .cmd("checkpoint ID --image-path")
        .arg(&images)
        .ok()?;
    machine.cmd("list -q").ok()?.is("")?;
    let saved = count()?;
    let status = machine
        .cmd("restore --detach ID --image-path")
        .arg(&images)
        .dir(machine.scratch.path("bundle"))
        .into_command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "{status}");
    while count()? < saved + 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
