//! Artifacts that refer to an image by `subject`: who keeps the list of them (distribution-spec 1.1).

use std::fs;

use serde_json::Value;
use tests::image::Image;
use tests::{Fault, Result, Stack, Unruly, ensure};

/// The digest of `{}`.
const EMPTY: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// Writes a `dir:` with an artifact that refers to an image.
fn artifact(stack: &Stack, name: &str, subject: &Image) -> Result<()> {
    let empty = format!(r#""digest":"sha256:{EMPTY}","size":2"#);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"test/{name}","config":{{"mediaType":"application/vnd.oci.empty.v1+json",{empty}}},"layers":[{{"mediaType":"text/plain",{empty}}}],"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{}}},"annotations":{{"is":"{name}"}}}}"#,
        subject.digest(),
        subject.manifest.bytes.len(),
    );
    let files = [
        ("version", "Directory Transport Version: 1.1\n"),
        ("manifest.json", manifest.as_str()),
        (EMPTY, "{}"),
    ];
    fs::create_dir_all(stack.scratch.path(name))?;
    for (file, text) in files {
        stack.scratch.write(&format!("{name}/{file}"), text)?;
    }
    Ok(())
}

/// The tag under which clients keep the list of what refers to an image.
fn list(subject: &Image) -> String {
    format!("fedora:{}", subject.digest().replace(':', "-"))
}

pub(crate) fn clients_keep_the_list_of_referrers() -> Result<()> {
    let stack = Stack::new()?;
    let fedora = Image::fedora()?;
    let listed = || -> Result<Vec<Value>> {
        let list = stack.remote(&list(&fedora));
        let raw = stack
            .rskopeo(&format!("inspect --raw {list}"))
            .ok()?
            .json()?;
        Ok(raw["manifests"].as_array().cloned().unwrap_or_default())
    };
    for name in ["sbom", "note", "sbom"] {
        artifact(&stack, name, &fedora)?;
        let to = stack.remote(&format!("fedora:{name}"));
        stack.rskopeo(&format!("copy dir:{name} {to}")).ok()?;
    }
    let referrers = listed()?;
    ensure!(referrers.len() == 2, "{referrers:?}");
    ensure!(
        referrers[0]["artifactType"] == "test/sbom" && referrers[1]["annotations"]["is"] == "note",
        "{referrers:?}"
    );
    let sbom = stack.rskopeo("manifest-digest sbom/manifest.json").ok()?;
    ensure!(referrers[0]["digest"] == sbom.text(), "{referrers:?}");

    let gone = format!("fedora@{}", sbom.text());
    stack
        .rskopeo(&format!("delete {}", stack.remote(&gone)))
        .ok()?;
    let left = listed()?;
    ensure!(left == referrers[1..], "{left:?}");

    // What lies in its place is somebody's, and stays.
    let list = list(&fedora);
    let other = format!(
        "copy {} {}",
        stack.remote("alpine:latest"),
        stack.remote(&list)
    );
    stack.rskopeo(&other).ok()?;
    stack
        .rskopeo(&format!("copy dir:sbom {}", stack.remote("fedora:sbom")))
        .exits(1)?
        .complains("what refers to its subject")?;
    Ok(())
}

pub(crate) fn a_registry_that_keeps_the_list_is_let_do_so() -> Result<()> {
    let stack = Stack::new()?;
    let fedora = Image::fedora()?;
    artifact(&stack, "sbom", &fedora)?;
    let digest = fedora.digest();
    let unruly = Unruly::before(&stack.registry.address, move |asked, _| {
        let headers = vec![format!("OCI-Subject: {digest}")];
        asked
            .is("PUT", "/manifests/")
            .then(|| Fault::Answer(201, headers, String::new()))
    })?;
    let to = format!("docker://{}/fedora:sbom", unruly.address);
    stack
        .rskopeo(&format!("copy --dest-tls-verify=false dir:sbom {to}"))
        .ok()?;
    let asked = unruly.asked();
    let lists = list(&fedora).replace("fedora:", "/manifests/");
    ensure!(
        !asked.iter().any(|asked| asked.path.contains(&lists)),
        "{asked:?}"
    );
    Ok(())
}

/// Only a registry that has no such list is helped out; one that cannot tell is no reason to think the list well kept.
pub(crate) fn a_registry_that_cannot_tell_of_referrers_is_complained_of() -> Result<()> {
    let stack = Stack::new()?;
    let fedora = Image::fedora()?;
    artifact(&stack, "sbom", &fedora)?;
    let sbom = stack.rskopeo("manifest-digest sbom/manifest.json").ok()?;
    for (status, code, entries_left) in [
        (200, 0, 1),
        (401, 1, 1),
        (403, 1, 1),
        (500, 1, 1),
        (400, 1, 1),
        (404, 0, 0),
    ] {
        stack
            .rskopeo(&format!("copy dir:sbom {}", stack.remote("fedora:sbom")))
            .ok()?;
        let unruly = Unruly::before(&stack.registry.address, move |asked, _| {
            let asks = asked.is("GET", "/referrers/");
            asks.then(|| Fault::Answer(status, Vec::new(), "{}".to_owned()))
        })?;
        let image = format!("docker://{}/fedora@{}", unruly.address, sbom.text());
        let deleted = stack.rskopeo(&format!("delete --tls-verify=false {image}"));
        let deleted = deleted.exits(code)?;
        if code == 1 {
            deleted.complains("what refers to its subject")?;
        }
        let list = stack.remote(&list(&fedora));
        let list = stack
            .rskopeo(&format!("inspect --raw {list}"))
            .ok()?
            .json()?;
        let left = list["manifests"].as_array().map(Vec::len);
        ensure!(left == Some(entries_left), "after {status}: {list}");
    }
    Ok(())
}
