//! What is told of an image without copying it, and of a container.

use std::fs;

use tests::image::Image;
use tests::{Cmd, Fault, Result, Stack, Unruly, ensure, peer};

/// Both understand these in the same way.
const TEMPLATES: &[&str] = &[
    "{{.Name}} {{.Digest}} {{.Os}}/{{.Architecture}}",
    "{{.Labels}} {{.Env}} {{.RepoTags}} {{.Created}}",
    "{{.Labels.NOPE}}",
    r#"{{index .Layers 0}} {{slice .Name 0 3}} {{slice .Layers 1}}"#,
    "{{range .Layers}}{{.}} {{end}}",
    "{{range $i, $l := .Layers}}{{if $i}}, {{end}}{{$l}}{{end}}",
    "{{range .Layers}}{{if .}}{{break}}{{end}}{{end}}",
    "{{range .Layers}}{{continue}}x{{end}}",
    r#"{{$x := "a"}}{{range .Layers}}{{$x = .}}{{end}}{{$x}}"#,
    r#"{{with $x := .Os}}{{$x}}{{end}}{{with ""}}x{{else}}y{{end}}"#,
    r#"{{printf "%s-%d %q %5s|%-5s|%05d %x %T %T" .Os 3 .Os "ab" "cd" 7 "ab" .Layers .Created}}"#,
    r#"{{printf "%d %s %z" "x" 3 1}} {{printf "%s"}} {{printf "x" 1}} {{printf "%"}}"#,
    r#"{{and .Os .Architecture}} {{or "" .Os}} {{not .Os}} {{eq .Os "a" "linux"}}"#,
    "{{gt (len .Layers) 1}} {{lt 1 2}} {{ne 1 1}} {{(len .Layers) | printf `%03d`}}",
    r#"{{html "<a>"}} {{urlquery "a b"}} {{print 1 2 "x"}} {{println "x"}}"#,
    r#"{{.Created.Year}} {{.Created.Unix}} {{.Created.Format "Jan 2, 2006 at 3:04pm (MST)"}}"#,
    r#"{{block "b" .Os}}<{{.}}>{{end}} {{/* said */}}{{- .Os -}}  x {{"}}"}} {{1.5}} {{true}} {{0x10}}"#,
    "{{.Nope}}",
    "{{index .Layers 9}}",
    "{{nope .}}",
    "{{nil}}",
    "{{end}}",
];

pub(crate) fn templates_render_as_with_skopeo() -> Result<()> {
    let stack = Stack::new()?;
    let image = stack.remote("fedora:24");
    for template in TEMPLATES {
        let inspect = |program| {
            let program = Cmd::new(program).args(["inspect", "--tls-verify=false", "--format"]);
            program.arg(template).arg(&image).run()
        };
        let ours = inspect(tests::ours("rskopeo")?)?;
        let theirs = inspect(peer("skopeo")?)?;
        ensure!(
            (ours.code, &ours.stdout) == (theirs.code, &theirs.stdout),
            "{template}\n{ours}\n{theirs}"
        );
    }
    Ok(())
}

pub(crate) fn an_image_is_called_as_with_skopeo() -> Result<()> {
    let stack = Stack::new()?;
    let image = stack.remote("alpine:latest");
    for to in [
        "docker-archive:a.tar:some/name:x",
        "docker-archive:b.tar",
        "oci:c:x",
        "dir:d",
    ] {
        stack.rskopeo(&format!("copy {image} {to}")).ok()?;
        let inspect = |program| {
            let program = Cmd::new(program).dir(stack.scratch.path(""));
            program
                .words(&format!("inspect --format {{{{.Name}}}} {to}"))
                .ok()
        };
        let ours = inspect(tests::ours("rskopeo")?)?;
        let theirs = inspect(peer("skopeo")?)?;
        ensure!(ours.stdout == theirs.stdout, "{ours}\n{theirs}");
    }
    Ok(())
}

/// Some registries let nobody list tags, and yet tell of an image.
pub(crate) fn tags_that_are_not_told_are_done_without() -> Result<()> {
    let stack = Stack::new()?;
    let refusals = [
        (403, "DENIED", "no", true),
        (404, "NOT_FOUND", "404 page not found", true),
        (403, "OTHER", "no", false),
    ];
    for (status, code, message, passes) in refusals {
        let answer = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
        let silent = Unruly::before(&stack.registry.address, move |asked, _| {
            asked
                .is("GET", "/tags/list")
                .then(|| Fault::Answer(status, Vec::new(), answer.clone()))
        })?;
        let image = format!("docker://{}/alpine:latest", silent.address);
        let inspect = stack.rskopeo(&format!("inspect --tls-verify=false {image}"));
        if !passes {
            inspect
                .exits(1)?
                .complains("Error determining repository tags")?;
            continue;
        }
        let told = inspect.ok()?;
        told.complains("Registry disallows tag list retrieval; skipping")?;
        ensure!(told.json()?["RepoTags"] == serde_json::json!([]), "{told}");
    }
    Ok(())
}

/// The manifest's digest is of the algorithm that the image itself uses, or of the one that is asked for.
pub(crate) fn a_digest_is_of_the_images_own_algorithm() -> Result<()> {
    let stack = Stack::new()?;
    let alpine = Image::alpine()?;
    stack
        .rskopeo(&format!(
            "copy {} oci:layout:x",
            stack.remote("alpine:latest")
        ))
        .ok()?;
    let digest = |options: &str| -> Result<String> {
        let line = format!("inspect {options} --format {{{{.Digest}}}} oci:layout:x");
        Ok(stack.rskopeo(&line).ok()?.text().to_owned())
    };
    ensure!(digest("")? == alpine.digest());
    let sum = |path: &str| -> Result<String> {
        let path = stack.scratch.path("layout/blobs").join(path);
        let sum = Cmd::new(peer("sha512sum")?).arg(path).ok()?;
        Ok(sum.stdout.split(' ').next().unwrap_or_default().to_owned())
    };
    let of_manifest = sum(&format!("sha256/{}", alpine.manifest.hex))?;
    ensure!(digest("--manifest-digest sha512")? == format!("sha512:{of_manifest}"));

    let of_config = sum(&format!("sha256/{}", alpine.config.hex))?;
    let blobs = stack.scratch.path("layout/blobs");
    fs::create_dir(blobs.join("sha512"))?;
    fs::write(blobs.join("sha512").join(&of_config), &alpine.config.bytes)?;
    let manifest = String::from_utf8(alpine.manifest.bytes.clone())?;
    let config = format!("sha256:{}", alpine.config.hex);
    let manifest = manifest.replace(&config, &format!("sha512:{of_config}"));
    stack.scratch.write("manifest", &manifest)?;
    let named = stack
        .rskopeo("manifest-digest manifest")
        .ok()?
        .text()
        .replace("sha256:", "");
    fs::write(blobs.join("sha256").join(&named), &manifest)?;
    let index = fs::read_to_string(stack.scratch.path("layout/index.json"))?;
    let mut index: serde_json::Value = serde_json::from_str(&index)?;
    index["manifests"][0]["digest"] = format!("sha256:{named}").into();
    index["manifests"][0]["size"] = manifest.len().into();
    stack
        .scratch
        .write("layout/index.json", index.to_string())?;
    ensure!(digest("")? == format!("sha512:{}", sum(&format!("sha256/{named}"))?));
    ensure!(digest("--manifest-digest sha256")? == format!("sha256:{named}"));
    Ok(())
}

pub(crate) fn what_was_asked_is_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one -v data:/data alpine").ok()?;
    stack
        .rpod("create --name two --volumes-from one:ro --cgroup-conf memory.high=1000000 --ulimit nofile=10:20 --passwd-entry x alpine")
        .ok()?;
    let inspect = |format: &str| stack.rpod("inspect two --format").arg(format).ok();
    inspect("{{.HostConfig.VolumesFrom}} {{.HostConfig.CgroupConf}} {{.Config.Passwd}}")?
        .is("[one:ro] map[memory.high:1000000] true")?;
    inspect("{{(index .Mounts 0).Destination}} {{.HostConfig.RestartPolicy}}")?
        .is("/data {no 0}")?;
    // A limit is shown before it is set.
    inspect("{{range .HostConfig.Ulimits}}{{if eq .Name \"RLIMIT_NOFILE\"}}{{.}}{{end}}{{end}}")?
        .is("{RLIMIT_NOFILE 10 20}")?;
    inspect("{{if .State.Health}}{{.State.Health.Status}}{{end}}{{.State.Health}} {{.Config.SdNotifyMode}} {{.HostConfig.Init}}{{.Config.Timezone}}")?
        .is("<nil> container false")?;
    stack
        .rpod("inspect two --format {{.Config.Nope}}")
        .exits(125)?
        .complains("can't evaluate field Nope")?;
    let none = stack
        .rpod("inspect one --format")
        .arg("{{json .HostConfig.VolumesFrom}}");
    none.ok()?.is("null")?;
    Ok(())
}

pub(crate) fn how_it_went_is_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("inspect --latest")
        .exits(125)?
        .complains("no containers to inspect: no such container")?;
    stack.rpod("create --name wrong alpine nothing").ok()?;
    stack.rpod("start wrong").exits(125)?;
    let why = "inspect --format {{.State.Error}} wrong";
    stack
        .rpod(why)
        .ok()?
        .says("OCI runtime attempted to invoke a command that was not found")?;
    stack
        .rpod("create --name right --cap-add sys_time,net_raw --cap-drop setuid,chown alpine sleep 600")
        .ok()?;
    stack
        .rpod("inspect right --format")
        .arg("{{.HostConfig.CapAdd}}{{.HostConfig.CapDrop}}{{.State.Error}}")
        .ok()?
        .is("[CAP_NET_RAW CAP_SYS_TIME][CAP_CHOWN CAP_SETUID]")?;
    stack.rpod("start right").ok()?;
    stack
        .rpod("stats --no-stream --interval 0 right")
        .exits(125)?
        .complains("invalid interval, must be a positive number greater zero")?;
    // What was killed is dead.
    stack.rpod("kill right").ok()?;
    stack.rpod("ps -q").ok()?.is("")?;
    Ok(())
}

pub(crate) fn it_is_told_in_podmans_words() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name c --network none --memory 10m --umask 22 --init alpine ls /")
        .ok()?;
    let told = |template: &str| stack.rpod("inspect --format").arg(template).arg("c").ok();
    told("{{.HostConfig.MemorySwap}} {{.Config.Umask}}")?.is("20971520 0022")?;
    told("{{.HostConfig.PidsLimit}}")?.is("2048")?;
    told("{{.Path}} {{.Args}}")?.is("/run/podman-init [-- ls /]")?;
    told(
        "{{.Config.Entrypoint}} {{.Config.Labels}} {{json .Config.Labels}} {{json .State.Health}}",
    )?
    .is("[] map[] null null")?;
    told("{{json .Config.Annotations}}")?
        .says("\"io.podman.annotations.init\":\"TRUE\"")?
        .hides("FALSE")?;
    stack
        .rpod("create --name from --volumes-from c:z,ro alpine")
        .ok()?;
    stack
        .rpod("inspect --format")
        .arg("{{index .Config.Annotations \"io.podman.annotations.volumes-from\"}}")
        .arg("from")
        .ok()?
        .is("c:z,ro")?;
    stack
        .rpod("create --name own --security-opt label=disable --ulimit host --mount type=image,src=alpine,dst=/i --health-cmd true --health-interval 45s alpine sleep 600")
        .ok()?;
    let shown = "{{(index .Mounts 0).Type}} {{(index .Mounts 0).RW}} {{.HostConfig.SecurityOpt}} {{.Config.Healthcheck.Interval}} {{.Config.StartupHealthCheck}}";
    stack
        .rpod("inspect own --format")
        .arg(shown)
        .ok()?
        .is("image false [label=disable] 45s <nil>")?;
    stack
        .rpod("container inspect gone")
        .exits(125)?
        .complains("no such container \"gone\"")?;
    Ok(())
}
