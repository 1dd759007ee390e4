//! On a directory that looks like resctrl: no machine at hand has it.

#![allow(clippy::unwrap_used)]

use super::*;

struct Fake(tempfile::TempDir);

impl Fake {
    fn new() -> Fake {
        let fake = Fake(tempfile::tempdir().unwrap());
        for (file, text) in [
            ("info/last_cmd_status", "ok"),
            ("info/L3/cbm_mask", "fffff"),
            ("info/L3/min_cbm_bits", "2"),
            ("info/L3/num_closids", "16"),
            ("info/L3_MON/mon_features", "llc_occupancy\nmbm_total_bytes"),
            ("schemata", "    L3:0=fffff;1=fffff\n    MB:0=100;1=100\n"),
            ("gold/tasks", ""),
            (
                "gold/schemata",
                "    L3:0=0000f;1=fffff\n    MB:0= 50;1=100\n",
            ),
            ("gold/mon_groups/c1/tasks", ""),
            (
                "gold/mon_groups/c1/mon_data/mon_L3_00/llc_occupancy",
                "4096",
            ),
            ("gold/mon_groups/c1/mon_data/mon_L3_00/mbm_total_bytes", "7"),
        ] {
            fake.write(file, text);
        }
        fake
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn plan(&self, json: &str) -> Result<(Group, IntelRdt)> {
        let wanted: IntelRdt = serde_json::from_str(json)?;
        let group = Group::below(self.0.path().to_owned(), &wanted, "c1")?;
        Ok((group, wanted))
    }
}

#[test]
fn a_shared_class_must_have_the_schemata_that_are_asked_for() {
    let fake = Fake::new();
    for same in [
        r#"{"closID":"gold"}"#,
        r#"{"closID":"gold","l3CacheSchema":"L3:0=f"}"#,
        r#"{"closID":"gold","l3CacheSchema":"L3:1=FFFFF","schemata":["MB:0=50"]}"#,
    ] {
        let (group, wanted) = fake.plan(same).unwrap();
        group.make(&wanted).unwrap();
        group.remove().unwrap();
        assert!(group.path.exists(), "{same}");
    }
    let (group, wanted) = fake
        .plan(r#"{"closID":"gold","l3CacheSchema":"L3:0=ff"}"#)
        .unwrap();
    let error = format!("{:#}", group.make(&wanted).unwrap_err());
    assert!(error.contains("L3:0=f and not ff"), "{error}");
    let (group, wanted) = fake.plan(r#"{"closID":"silver"}"#).unwrap();
    let error = format!("{:#}", group.make(&wanted).unwrap_err());
    assert!(error.contains("must be there already"), "{error}");
}

#[test]
fn what_is_no_class_or_no_schema_is_refused() {
    let fake = Fake::new();
    for (wrong, reason) in [
        (r#"{"closID":"../gold"}"#, "ClosID"),
        (r#"{"closID":".."}"#, "ClosID"),
        (r#"{"closID":"info"}"#, "resctrl's own"),
        (r#"{"schemata":["L3:0=f\nMB:0=1"]}"#, "newline"),
        (r#"{"memBwSchema":"MB:0=50"}"#, "MBA is not enabled"),
        (r#"{"l3CacheSchema":"MB:0=50"}"#, "does not begin"),
    ] {
        let error = format!("{:#}", fake.plan(wrong).unwrap_err());
        assert!(error.contains(reason), "{wrong}: {error}");
    }
}

#[test]
fn a_class_of_its_own_goes_with_the_container() {
    let fake = Fake::new();
    let (group, _) = fake.plan(r#"{"l3CacheSchema":"L3:0=f0"}"#).unwrap();
    assert_eq!(group.path, fake.0.path().join("c1"));
    // As mkdir(2) leaves it there.
    fake.write("c1/schemata", "");
    fake.write("c1/tasks", "");
    group.set(&["L3:0=f0", "MB:0=10"]).unwrap();
    group.enter(Pid::from_raw(42)).unwrap();
    let read = |file: &str| fs::read_to_string(fake.0.path().join(file)).unwrap();
    assert_eq!(read("c1/schemata"), "L3:0=f0\nMB:0=10\n");
    assert_eq!(read("c1/tasks"), "42");
    for file in ["schemata", "tasks"] {
        fs::remove_file(group.path.join(file)).unwrap();
    }
    group.remove().unwrap();
    assert!(!group.path.exists());
    group.remove().unwrap();
}

#[test]
fn usage_has_the_names_of_runc() {
    let fake = Fake::new();
    let (group, _) = fake
        .plan(r#"{"closID":"gold","enableMonitoring":true}"#)
        .unwrap();
    group.enter(Pid::from_raw(42)).unwrap();
    let usage = serde_json::to_value(group.usage().unwrap()).unwrap();
    let wanted = serde_json::json!({
        "l3_cache_info": {"cbm_mask": "fffff", "min_cbm_bits": 2, "num_closids": 16},
        "l3_cache_schema_root": "L3:0=fffff;1=fffff",
        "l3_cache_schema": "L3:0=0000f;1=fffff",
        "schemata": ["L3:0=0000f;1=fffff", "    MB:0= 50;1=100"],
        "mbm_stats": [{"mbm_total_bytes": 7, "mbm_local_bytes": 0}],
        "cmt_stats": [{"llc_occupancy": 4096}],
    });
    assert_eq!(usage, wanted);
}
