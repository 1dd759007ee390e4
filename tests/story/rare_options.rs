//! Options and values that few type, and that podman has all the same.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use tests::{Result, Stack, ensure};

pub(crate) fn names_that_are_gone_are_remembered() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for line in [
        "tag alpine one",
        "tag alpine two:v",
        "untag alpine one",
        "tag alpine three",
    ] {
        stack.rpod(line).ok()?;
    }
    let first = format!("{}/alpine:latest", stack.registry.address);
    let all = format!("{first} localhost/two:v localhost/three:latest localhost/one:latest");
    stack
        .rpod("image inspect alpine --format")
        .arg("{{range .NamesHistory}}{{.}} {{end}}")
        .ok()?
        .is(&all)?;
    // A name that goes to another image leaves its trace.
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("commit -q c three").ok()?;
    stack
        .rpod("images --format {{.History}} --filter id=three")
        .run()?;
    stack
        .rpod("image inspect alpine --format")
        .arg("{{index .NamesHistory 2}} {{len .RepoTags}}")
        .ok()?
        .is("localhost/three:latest 2")?;
    stack.rpod("untag alpine").ok()?;
    Ok(())
}

pub(crate) fn exec_waits_until_the_container_runs() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("exec --wait 1 late true")
        .exits(125)?
        .complains("timed out waiting for container: late")?;
    let waiting = stack.rpod("exec --wait 20 late echo here").start()?;
    std::thread::sleep(Duration::from_millis(200));
    stack
        .rpod("run -d --name late --network none alpine sleep 60")
        .ok()?;
    waiting.wait()?.is("here")?;
    stack.rpod("rm -f -t 0 late").ok()?;
    Ok(())
}

/// Answers each request with what there is at the path.
fn serve(archive: Vec<u8>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream?;
            let mut asked = [0; 1024];
            let read = std::io::Read::read(&mut stream, &mut asked)?;
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            let head = |status: &str, more: &str| {
                format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n")
            };
            let whole = format!("Content-Length: {}\r\n", archive.len());
            match asked.split(' ').nth(1) {
                Some("/moved") => {
                    stream.write_all(
                        head("302 Found", "Location: /files.tar\r\nContent-Length: 0\r\n")
                            .as_bytes(),
                    )?;
                }
                Some("/files.tar") => {
                    stream.write_all(head("200 OK", &whole).as_bytes())?;
                    stream.write_all(&archive)?;
                }
                Some("/cut") => {
                    stream.write_all(head("200 OK", &whole).as_bytes())?;
                    stream.write_all(&archive[..1000])?;
                }
                _ => stream.write_all(head("404 Not Found", "Content-Length: 0\r\n").as_bytes())?,
            }
        }
        std::io::Result::Ok(())
    });
    Ok(format!("http://{address}"))
}

pub(crate) fn an_archive_is_imported_from_the_web() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("export -o files.tar c").ok()?;
    let server = serve(fs::read(stack.scratch.path("files.tar"))?)?;
    let imported = stack.rpod(&format!("import {server}/moved fetched")).ok()?;
    imported.complains(format!("Downloading from \"{server}/moved\""))?;
    stack.rpod("run --rm fetched cat /etc/passwd").ok()?;
    for (path, cause) in [("none", "404"), ("cut", "failed to download")] {
        stack
            .rpod(&format!("import {server}/{path}"))
            .exits(125)?
            .complains(cause)?;
    }
    let images = stack.rpod("images -q").ok()?;
    ensure!(images.text().lines().count() == 2, "{images}");
    Ok(())
}

/// What podman takes and tells nobody of.
pub(crate) fn podmans_hidden_options_are_taken() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name one --kernel-memory 1m alpine")
        .ok()?
        .complains("The --kernel-memory flag is no longer supported")?;
    stack.rpod("top --list-descriptors").ok()?.says("capbnd")?;
    stack.rpod("container cleanup --stopped-only one").ok()?;
    stack.rpod("-D ps").ok()?;
    let list = stack.remote("list:1");
    stack.rpod("manifest create many alpine").ok()?;
    stack
        .rpod(&format!("manifest push --insecure --purge many {list}"))
        .ok()?;
    stack.rpod("manifest exists many").exits(1)?;

    // Nothing is trusted.
    stack
        .scratch
        .write("policy.json", r#"{"default":[{"type":"reject"}]}"#)?;
    let remote = format!("{}/alpine", stack.registry.address);
    stack
        .rpod(&format!("pull --signature-policy policy.json {remote}"))
        .exits(125)?
        .complains("policy")?;
    stack.scratch.write("registries.conf.own", "")?;
    stack
        .rpod("--registries-conf registries.conf.own pull nothing")
        .exits(125)?
        .complains("nothing")?;
    Ok(())
}
