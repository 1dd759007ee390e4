//! Devices of the host that a container is given: one, a directory of them, or what their makers describe (CDI).

use std::fs;

use tests::{Cmd, Result, Stack, until};

pub(crate) fn described_devices_are_given() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let cdi = stack.scratch.path("cdi");
    fs::create_dir(&cdi)?;
    stack.scratch.write("library", "for the device")?;
    stack.scratch.write(
        "cdi/gpu.yaml",
        format!(
            "cdiVersion: 0.6.0\nkind: nvidia.com/gpu\ncontainerEdits:\n  env: [DRIVER=loaded]\ndevices:\n- name: all\n  containerEdits:\n    \
             deviceNodes: [{{path: /dev/gpu0, hostPath: /dev/null}}]\n    mounts: [{{hostPath: {}, containerPath: /opt/library, options: [ro, bind]}}]\n",
            stack.scratch.path("library").display()
        ),
    )?;
    stack.scratch.write(
        "cdi/key.json",
        r#"{"cdiVersion":"0.5.0","kind":"example.com/key","devices":[{"name":"one","containerEdits":{"env":["KEY=one"]}}]}"#,
    )?;
    stack.scratch.write(
        "cdi.conf",
        format!("[engine]\ncdi_spec_dirs = [\"{}\"]\n", cdi.display()),
    )?;
    let rpod = |line: &str| {
        stack
            .rpod(line)
            .env("CONTAINERS_CONF_OVERRIDE", stack.scratch.path("cdi.conf"))
    };
    let look = "sh -c 'echo $DRIVER $KEY; cat /opt/library; test -c /dev/gpu0 && echo > /dev/gpu0 && echo ok'";
    rpod(&format!(
        "run --rm --gpus all --device example.com/key=one alpine {look}"
    ))
    .ok()?
    .is("loaded one\nfor the deviceok")?;
    rpod("pod create --name gpus --gpus all").ok()?;
    rpod(&format!("run --rm --pod gpus alpine {look}"))
        .ok()?
        .says("loaded")?;
    rpod("pod rm -f -t 0 gpus").ok()?;
    rpod("run --rm --device example.com/key=two alpine true")
        .run()?
        .complains("unresolvable CDI devices example.com/key=two")?;
    stack
        .rpod("run --rm --gpus all alpine true")
        .run()?
        .complains("no known GPU vendor found in CDI specs")?;
    Ok(())
}

/// A device that is called as one of /dev's own, in a directory that is handed over.
pub(crate) fn a_directory_of_devices_is_whole() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("devices");
    fs::create_dir(&dir)?;
    Cmd::new("mknod")
        .arg(dir.join("null"))
        .words("c 1 3")
        .ok()?;
    let said = stack
        .rpod(&format!(
            "run --rm --device {}:/dev/more alpine stat -c %t:%T /dev/more/null",
            dir.display()
        ))
        .run()?;
    said.is("1:3")?;
    until("nothing is left", || {
        Ok(stack.rpod("ps -aq").ok()?.text().is_empty())
    })
}
