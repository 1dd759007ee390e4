#![allow(clippy::unwrap_used)]
//! Paths against trees in temporary directories; limits against the text they become.

use std::fs;

use super::*;

/// A v1 host with merged controllers and a v2 tree beside them.
fn hybrid(root: &Path) -> Host {
    for name in [
        "cpu,cpuacct/own",
        "memory/own",
        "devices",
        "systemd",
        "unified",
    ] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let own = "4:memory:/own\n3:devices:/elsewhere\n2:cpu,cpuacct:/own\n1:name=systemd:/\n5:rdma:/\n0::/\n";
    Host::describe(root, false, own).unwrap()
}

#[test]
fn an_absolute_path_is_below_every_root() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let manager = Manager::plan(&hybrid(root), root, Some("/machine/c1"), "c1").unwrap();
    let paths: Vec<(&str, &Path)> = manager
        .paths
        .iter()
        .map(|(k, v)| (k.as_str(), v.strip_prefix(root).unwrap()))
        .collect();
    let expected = [
        ("", "unified/machine/c1"),
        ("cpu", "cpu,cpuacct/machine/c1"),
        ("cpuacct", "cpu,cpuacct/machine/c1"),
        ("devices", "devices/machine/c1"),
        ("memory", "memory/machine/c1"),
        ("name=systemd", "systemd/machine/c1"),
    ];
    assert_eq!(paths, expected.map(|(k, v)| (k, Path::new(v))));
    assert_eq!(manager.groups().len(), 5);
}

#[test]
fn without_a_path_the_group_is_below_our_own() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let manager = Manager::plan(&hybrid(root), root, None, "c1").unwrap();
    assert_eq!(manager.group("memory").unwrap(), root.join("memory/own/c1"));
    // Our own group is not visible here: the root stands in.
    assert_eq!(manager.group("devices").unwrap(), root.join("devices/c1"));
}

#[test]
fn in_v2_a_relative_path_is_beside_our_own_group() {
    let root = Path::new("/sys/fs/cgroup");
    let host = |own: &str| Host::describe(root, true, own).unwrap();
    let manager = |own: &str| Manager::plan(&host(own), root, None, "c1").unwrap();
    assert_eq!(
        manager("0::/user.slice/session-1.scope\n")
            .unified()
            .unwrap(),
        root.join("user.slice/c1")
    );
    assert_eq!(manager("0::/\n").unified().unwrap(), root.join("c1"));
}

#[test]
fn a_path_may_not_climb_out() {
    assert!(inside(Path::new("/a/../../b")).is_err());
    assert!(inside(Path::new("/")).is_err());
    assert_eq!(inside(Path::new("/a/./b")).unwrap(), Path::new("a/b"));
}

fn resources(json: serde_json::Value) -> Resources {
    serde_json::from_value(json).unwrap()
}

fn texts(limits: Vec<limit::Limit>) -> Vec<String> {
    limits
        .into_iter()
        .map(|limit| format!("{}={}", limit.file, limit.value))
        .collect()
}

#[test]
fn limits_become_the_files_of_each_version() {
    let resources = resources(serde_json::json!({
        "memory": {"limit": 1000, "swap": 3000, "reservation": 500},
        "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0", "mems": "0"},
        "pids": {"limit": 0},
        "blockIO": {"weight": 10, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 7}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4096}]
    }));
    assert_eq!(
        texts(v1::limits(&resources).unwrap()),
        [
            "memory.limit_in_bytes=1000",
            "memory.memsw.limit_in_bytes=3000",
            "memory.soft_limit_in_bytes=500",
            "cpu.shares=1024",
            "cpu.cfs_period_us=100000",
            "cpu.cfs_quota_us=50000",
            "cpuset.cpus=0",
            "cpuset.mems=0",
            "pids.max=1",
            "blkio.weight=10",
            "blkio.throttle.read_bps_device=8:0 7",
            "hugetlb.2MB.limit_in_bytes=4096",
            "hugetlb.2MB.rsvd.limit_in_bytes=4096"
        ]
    );
    assert_eq!(
        texts(v2::limits(&resources).unwrap()),
        [
            "memory.swap.max=2000",
            "memory.max=1000",
            "memory.low=500",
            "cpu.weight=100",
            "cpu.max=50000 100000",
            "cpuset.cpus=0",
            "cpuset.mems=0",
            "pids.max=1",
            "io.weight=1",
            "io.max=8:0 rbps=7",
            "hugetlb.2MB.max=4096",
            "hugetlb.2MB.rsvd.max=4096"
        ]
    );
}

#[test]
fn no_limits_ask_for_no_writes() {
    let none = resources(
        serde_json::json!({"memory": {"limit": 0}, "cpu": {"shares": 0, "quota": 0, "cpus": ""}}),
    );
    assert_eq!(v1::limits(&none).unwrap(), []);
    assert_eq!(v2::limits(&none).unwrap(), []);
}

#[test]
fn a_limit_without_its_controller_is_an_error_that_names_both() {
    let asked = v1::limits(&resources(serde_json::json!({"network": {"classID": 7}}))).unwrap();
    let error = limit::write_all(&asked, |_| None).unwrap_err().to_string();
    assert!(
        error.contains("net_cls.classid") && error.contains("no net_cls controller"),
        "{error}"
    );
}

#[test]
fn unified_needs_v2() {
    let asked = resources(serde_json::json!({"unified": {"memory.high": "1"}}));
    assert!(
        v1::limits(&asked)
            .unwrap_err()
            .to_string()
            .contains("cgroup v2")
    );
    assert_eq!(texts(v2::limits(&asked).unwrap()), ["memory.high=1"]);
}

/// The life of a group in the host's real hierarchies.
#[test]
fn a_group_takes_a_process_freezes_it_kills_it_and_goes() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let name = format!("/rrunc-test-{}", std::process::id());
    let Ok(manager) = Manager::new(Some(&name), "test") else {
        return;
    };
    let mut sleeper = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let pid = sleeper.id() as i32;
    let life = || -> Result<()> {
        manager.create()?;
        for group in manager.groups() {
            std::fs::write(group.join("cgroup.procs"), pid.to_string())?;
        }
        manager.set(&resources(
            serde_json::json!({"pids": {"limit": 7}, "memory": {"limit": 50_000_000}}),
        ))?;
        assert_eq!(manager.pids()?, [pid]);
        manager.freeze()?;
        assert!(manager.is_frozen()?);
        manager.thaw()?;
        assert!(!manager.is_frozen()?);
        manager.update(&resources(
            serde_json::json!({"memory": {"limit": 100_000_000, "swap": 100_000_000}}),
        ))?;
        manager.update(&resources(
            serde_json::json!({"memory": {"limit": 30_000_000, "swap": 30_000_000}}),
        ))?;
        manager.kill_all()
    };
    let lived = life();
    let _ = sleeper.kill();
    sleeper.wait().unwrap();
    manager.destroy().unwrap();
    lived.unwrap();
    assert!(manager.groups().iter().all(|group| !group.exists()));
}
/// A process born into the groups is in the same ones as a process moved there.
#[test]
fn the_entrance_leads_where_a_move_does() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let name = format!("/rrunc-test-entrance-{}", std::process::id());
    let Ok(manager) = Manager::new(Some(&name), "test") else {
        return;
    };
    manager.create().unwrap();
    let entrance = manager.entrance().unwrap();
    let mut sleeper = std::process::Command::new("sleep");
    sleeper.arg("60");
    // SAFETY: between fork and exec the closure only writes to descriptors opened before.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut sleeper, move || {
            entrance.enter().map_err(std::io::Error::other)
        });
    }
    let mut sleeper = sleeper.spawn().unwrap();
    let listed = manager.pids();
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", sleeper.id()));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    manager.destroy().unwrap();
    if manager.unified().is_none() {
        assert_eq!(listed.unwrap(), [sleeper.id() as i32]);
        assert!(
            groups
                .unwrap()
                .lines()
                .all(|line| line.ends_with(&name) || line.starts_with("0::"))
        );
    }
}
