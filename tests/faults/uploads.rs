//! Registries that refuse what is sent, or have it already in another of their repositories.

use tests::image::Image;
use tests::{Result, ensure};

use crate::registry::{answer, arrives, unruly};

pub(crate) fn an_upload_that_is_refused_is_told_of() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| match asked.method.as_str() {
        "PUT" if asked.path.contains("/manifests/") => answer(
            400,
            &[],
            r#"{"errors":[{"code":"MANIFEST_INVALID","message":"not on a Tuesday"}]}"#,
        ),
        _ => None,
    })?;
    let (from, to) = (
        stack.remote("alpine:latest"),
        format!("docker://{}/new/alpine:1", unruly.address),
    );
    stack
        .rskopeo(&format!("copy --dest-tls-verify=false {from} {to}"))
        .exits(1)?
        .complains("manifest invalid: not on a Tuesday")?;
    Ok(())
}

pub(crate) fn blobs_are_mounted_within_a_registry() -> Result<()> {
    let (stack, unruly) = unruly(|_, _| None)?;
    let copy = format!(
        "copy --src-tls-verify=false --dest-tls-verify=false docker://{0}/fedora:24 docker://{0}/new/fedora:24",
        unruly.address
    );
    stack.rskopeo(&copy).ok()?;
    let asked = unruly.asked();
    let count =
        |method: &str, part: &str| asked.iter().filter(|asked| asked.is(method, part)).count();
    ensure!(count("POST", "mount=sha256:") == 4, "{asked:?}");
    ensure!(
        count("PUT", "/blobs/") + count("PATCH", "/blobs/") == 0,
        "a blob was sent\n{asked:?}"
    );
    Ok(())
}

/// What came from one repository and goes to another of the same registry is not sent, whatever was in between.
pub(crate) fn blobs_are_mounted_from_where_they_were_seen() -> Result<()> {
    let (stack, unruly) = unruly(|_, _| None)?;
    arrives(&stack, &unruly)?;
    let push = format!(
        "copy --dest-tls-verify=false oci:layout:24 docker://{}/seen/fedora:24",
        unruly.address
    );
    let before = unruly.asked().len();
    stack.rskopeo(&push).ok()?;
    let asked = unruly.asked().split_off(before);
    let count =
        |method: &str, part: &str| asked.iter().filter(|asked| asked.is(method, part)).count();
    ensure!(count("POST", "&from=fedora") == 3, "{asked:?}");
    // The configuration, which is not worth remembering.
    ensure!(count("PUT", "/blobs/") == 1, "a layer was sent\n{asked:?}");
    Ok(())
}

/// Layers that do not stay what they are will never be asked for.
pub(crate) fn blobs_that_go_no_further_are_not_remembered() -> Result<()> {
    let (stack, unruly) = unruly(|_, _| None)?;
    let known = stack.scratch.path("cache/rskopeo/known-blobs");
    let pull = |to: &str| {
        let from = format!("docker://{}/fedora:24", unruly.address);
        stack.rskopeo(&format!("copy --src-tls-verify=false {from} {to}"))
    };
    pull("docker-archive:unpacked.tar").ok()?;
    ensure!(!known.exists(), "a plain pull has left {}", known.display());
    pull("oci-archive:kept.tar").ok()?;
    ensure!(known.join(&unruly.address).exists());
    Ok(())
}

pub(crate) fn blobs_that_are_not_mounted_are_sent() -> Result<()> {
    // As a registry answers that knows no mounts: it begins an upload.
    let (stack, unruly) = unruly(|asked, _| match asked.path.contains("mount=") {
        true => answer(202, &["Location: /v2/new/fedora/blobs/uploads/begun"], ""),
        false => None,
    })?;
    let copy = format!(
        "copy --src-tls-verify=false --dest-tls-verify=false docker://{0}/fedora:24 docker://{0}/new/fedora:24",
        unruly.address
    );
    stack.rskopeo(&copy).ok()?;
    let asked = unruly.asked();
    ensure!(
        asked
            .iter()
            .any(|asked| asked.is("DELETE", "/uploads/begun")),
        "{asked:?}"
    );
    let inspect = format!("inspect {}", stack.remote("new/fedora:24"));
    let said = stack.rskopeo(&inspect).ok()?.json()?;
    ensure!(
        said["Digest"] == Image::fedora()?.digest().as_str(),
        "{said}"
    );
    Ok(())
}
