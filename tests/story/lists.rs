//! Manifest lists, and images as they are pulled and pushed.

use tests::{Cmd, Result, Stack, ensure, peer};

pub(crate) fn a_list_is_pushed_in_more_than_one_compression() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name changed alpine touch /new").ok()?;
    stack.rpod("start -a changed").ok()?;
    stack.rpod("commit -q changed second").ok()?;
    stack.rpod("manifest create many alpine").ok()?;
    stack.rpod("manifest add --arch arm64 many second").ok()?;
    let own = stack.rpod("manifest inspect many").ok()?.json()?;
    let pushed = |options: &str, name: &str| -> Result<serde_json::Value> {
        let place = stack.remote(name);
        let line = format!("manifest push {options} many {place}");
        stack.rpod(&line).ok()?;
        let raw = Cmd::new(peer("skopeo")?)
            .words("inspect --raw --tls-verify=false")
            .arg(&place);
        raw.ok()?.json()
    };
    let marks = |list: &serde_json::Value| -> Vec<bool> {
        let all = list["manifests"].as_array().into_iter().flatten();
        all.map(|one| one["annotations"]["io.github.containers.compression.zstd"] == "true")
            .collect()
    };
    let both = pushed("--add-compression zstd", "both:1")?;
    ensure!(marks(&both) == [false, false, true, true], "{both}");
    ensure!(
        both["manifests"][0]["digest"] == own["manifests"][0]["digest"],
        "{both}"
    );
    for place in 0..2 {
        let (instance, added) = (&both["manifests"][place], &both["manifests"][place + 2]);
        ensure!(instance["platform"] == added["platform"], "{both}");
        let image = format!(
            "{}@{}",
            stack.remote("both"),
            added["digest"].as_str().unwrap_or_default()
        );
        let raw = Cmd::new(peer("skopeo")?)
            .words("inspect --raw --tls-verify=false")
            .arg(image)
            .ok()?;
        ensure!(
            raw.stdout.contains("tar+zstd") && !raw.stdout.contains("gzip"),
            "{raw}"
        );
    }
    // What there is already is not added.
    let again = pushed("--add-compression gzip", "gzip:1")?;
    ensure!(marks(&again).len() == 2, "{again}");
    let turned = pushed(
        "--compression-format zstd --add-compression gzip",
        "turned:1",
    )?;
    ensure!(marks(&turned) == [false, false, true, true], "{turned}");
    stack
        .rpod(&format!(
            "run --rm --network none --pull always {}/both:1 echo ran",
            stack.registry.address
        ))
        .ok()?
        .is("ran")?;
    stack
        .rpod(&format!(
            "manifest push --add-compression lzma many {}",
            stack.remote("x")
        ))
        .exits(125)?
        .complains("cannot find compressor for \"lzma\"")?;
    stack.rpod("system check").ok()?;
    Ok(())
}

pub(crate) fn a_list_is_made_pushed_and_run() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name changed alpine").ok()?;
    stack.rpod("commit -q changed second").ok()?;
    let list = stack.remote("list:1");
    let id = stack.rpod("manifest create many alpine").ok()?;
    stack
        .rpod("manifest add --arch arm64 --variant v8 many second")
        .ok()?
        .is(id.text())?;
    let digest = stack.rpod("manifest inspect many").ok()?.json()?["manifests"][0]["digest"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    stack
        .rpod(&format!(
            "manifest annotate --annotation x=y --os-version 9 many {digest}"
        ))
        .ok()?;
    stack
        .rpod("manifest annotate --index --annotation a=b many")
        .ok()?;
    stack
        .rpod("run --rm --network none many echo from a list")
        .ok()?
        .is("from a list")?;
    stack.rpod("images").ok()?.says("localhost/many")?;
    stack
        .rpod("manifest create many")
        .exits(125)?
        .complains(format!(
            "image name \"localhost/many:latest\" is already associated with image \"{}\": that name is already in use",
            id.text()
        ))?;

    stack
        .rpod(&format!("manifest push --digestfile digest many {list}"))
        .ok()?;
    let raw = Cmd::new(peer("skopeo")?)
        .words("inspect --raw --tls-verify=false")
        .arg(&list)
        .ok()?;
    let value = raw.json()?;
    ensure!(
        value["annotations"]["a"] == "b" && value["manifests"][0]["annotations"]["x"] == "y",
        "{raw}"
    );
    ensure!(
        value["manifests"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["platform"]["variant"] == "v8")),
        "{raw}"
    );

    stack
        .rpod("manifest create --all --amend other")
        .arg(&list)
        .ok()?;
    let other = stack.rpod("manifest inspect other").ok()?;
    ensure!(other.json()?["manifests"] == value["manifests"], "{other}");
    stack
        .rpod(&format!("manifest remove many {digest}"))
        .ok()?
        .is(id.text())?;
    stack
        .rpod(&format!("manifest remove many {digest}"))
        .exits(125)?
        .complains("removing from manifest list many: no instance matching digest")?;
    stack.rpod("manifest rm many").ok()?.says("Deleted: ")?;
    stack.rpod("manifest exists many").exits(1)?;
    stack
        .rpod("manifest rm many")
        .exits(1)?
        .complains("image not known")?;
    stack
        .rpod("manifest inspect alpine")
        .exits(125)?
        .complains("not a manifest list")?;
    stack
        .rpod("push none")
        .exits(125)?
        .complains("none: image not known")?;
    stack
        .rpod("manifest push many dir:nowhere")
        .exits(125)?
        .complains("retrieving local image from image name many: many: image not known")?;
    stack
        .rpod("manifest rm many none")
        .exits(1)?
        .complains("2 errors occurred:")?;
    stack.rpod("system check").ok()?;

    // None of its images is in the store: a list goes whole, and goes again.
    stack.rpod("rmi -a -f").ok()?;
    stack.rpod("manifest create --all whole").arg(&list).ok()?;
    for _ in 0..2 {
        stack.rpod("push -q whole dir:whole").ok()?;
    }
    let whole = std::fs::read(stack.scratch.path("whole/manifest.json"))?;
    let whole: serde_json::Value = serde_json::from_slice(&whole)?;
    ensure!(whole["manifests"] == value["manifests"], "{whole}");
    // No image of the list is for such a system: this machine's is said to be.
    stack.rpod("manifest create said").ok()?;
    stack.rpod("manifest add --os plan9 said").arg(&list).ok()?;
    let said = stack.rpod("manifest inspect said").ok()?.json()?;
    ensure!(said["manifests"][0]["platform"]["os"] == "plan9", "{said}");
    let alpine = stack.remote("alpine:latest");
    let one = stack.rpod(&format!("manifest inspect {alpine}")).ok()?;
    one.complains("is not a manifest list but a single image")?;
    Ok(())
}

pub(crate) fn pulled_by_policy_and_tag() -> Result<()> {
    let stack = Stack::new()?;
    let remote = stack.remote("alpine:latest");
    let name = remote.trim_start_matches("docker://").to_owned();
    let repository = name.trim_end_matches(":latest").to_owned();
    stack
        .rpod(&format!("pull --policy never {name}"))
        .exits(125)?
        .complains("image not known")?;
    stack.rpod(&format!("pull --policy missing {name}")).ok()?;
    let requests = stack.registry.requests()?.len();
    stack.rpod(&format!("pull --policy missing {name}")).ok()?;
    ensure!(
        stack.registry.requests()?.len() == requests,
        "it asked the registry"
    );
    stack.rpod(&format!("pull --policy newer {name}")).ok()?;
    // What is tried again is told, even of what is to be quiet.
    stack
        .rpod("pull -q --retry 1 --retry-delay 1ms 127.0.0.1:1/none")
        .exits(125)?
        .complains("Failed, retrying in 1ms ... (1/1)")?
        .complains("connect: connection refused")?;

    stack
        .rpod(&format!("push --compression-format zstd --force-compression --format oci --digestfile digest {name} {repository}:two"))
        .ok()?;
    let digest = std::fs::read_to_string(stack.scratch.path("digest"))?;
    let raw = Cmd::new(peer("skopeo")?)
        .words("inspect --raw --tls-verify=false")
        .arg(format!("docker://{repository}@{digest}"))
        .ok()?;
    raw.says("tar+zstd")?;
    stack.rpod(&format!("pull --all-tags {repository}")).ok()?;
    stack.rpod(&format!("image exists {repository}:two")).ok()?;
    for (line, reason) in [
        (
            "pull --decryption-key k x",
            "Invalid decryption keys: open k",
        ),
        ("push --encryption-key jwe:nokey alpine x", "nokey"),
        (
            "push --sign-by-sq-fingerprint f x",
            "--sign-by-sq-fingerprint",
        ),
    ] {
        stack.rpod(line).exits(125)?.complains(reason)?;
    }
    Ok(())
}
