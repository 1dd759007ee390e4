//! Secrets.

use tests::{Result, Stack, ensure};

pub(crate) fn secrets_are_files_and_variables() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("secret create file -").stdin("hush").ok()?;
    stack
        .rpod("secret create --env variable VALUE")
        .env("VALUE", "whisper")
        .ok()?;
    let asked = "--secret file,uid=5,mode=400 --secret variable,type=env,target=WORD";
    let shows =
        "sh -c 'cat /run/secrets/file; echo \" $WORD\"; stat -c \"%u %a\" /run/secrets/file'";
    let said = stack
        .rpod(&format!("run --name it {asked} alpine {shows}"))
        .ok()?;
    ensure!(said.text() == "hush whisper\n5 400", "{said}");
    let inspected = stack.rpod("inspect it").ok()?;
    ensure!(inspected.stdout.contains("WORD=*******"), "{inspected}");
    stack
        .rpod("secret ls -q --filter name=file --format {{.Name}}")
        .ok()?
        .is("file")?;
    stack
        .rpod("secret inspect --format {{.Spec.Name}}-{{.SecretData}} file")
        .ok()?
        .is("file-")?;
    // A container keeps what it was made with.
    stack
        .rpod("secret create --replace file -")
        .stdin("other")
        .ok()?;
    let again = stack.rpod("start -a it").ok()?;
    ensure!(again.text().starts_with("hush"), "{again}");
    Ok(())
}

pub(crate) fn secrets_are_kept_by_scripts() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let path = stack.scratch.path("kept");
    let path = path.display();
    let scripts = format!("store=cat >{path},lookup=cat {path},delete=rm {path},list=true");
    stack
        .rpod("secret create --driver shell --driver-opts")
        .arg(&scripts)
        .words("by-script -")
        .stdin("hush")
        .ok()?;
    ensure!(std::fs::read_to_string(stack.scratch.path("kept"))? == "hush");
    let said = stack
        .rpod("run --rm --secret by-script alpine cat /run/secrets/by-script")
        .ok()?;
    ensure!(said.text() == "hush", "{said}");
    stack.rpod("secret exists by-script").ok()?;
    stack.rpod("secret rm by-script").ok()?;
    stack.rpod("secret exists by-script").exits(1)?;
    ensure!(!stack.scratch.path("kept").exists());
    stack
        .rpod("run --rm --secret by-script alpine true")
        .exits(125)?
        .complains("no such secret")?;
    Ok(())
}

pub(crate) fn a_container_is_changed_while_it_runs() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name it --memory 64m alpine sleep 300")
        .ok()?;
    let line = "update --memory 32m --pids-limit 99 --restart on-failure:2 -e A=1 it";
    stack.rpod(line).ok()?;
    let format = "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}";
    let inspected = stack.rpod("inspect it --format").arg(format).ok()?;
    ensure!(inspected.text() == "33554432 on-failure", "{inspected}");
    let file = "exec it cat /sys/fs/cgroup/pids/pids.max";
    if std::path::Path::new("/sys/fs/cgroup/pids").exists() {
        let limit = stack.rpod(file).ok()?;
        ensure!(limit.text() == "99", "{limit}");
    }
    stack.rpod("container clone --run it copy").ok()?;
    let copied = stack.rpod("inspect copy --format").arg(format).ok()?;
    ensure!(copied.text() == "33554432 on-failure", "{copied}");
    let variable = stack.rpod("exec copy sh -c 'echo $A'").ok()?;
    ensure!(variable.text() == "1", "{variable}");
    stack
        .rpod("container clone --destroy it other")
        .exits(125)?
        .complains("--force")?;
    stack.rpod("rm -fa -t0").ok()?;
    Ok(())
}
