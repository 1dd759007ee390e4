//! `rpod image sign`.

use std::fs;

use tests::{Result, ensure};

use crate::signers::Signers;

/// What rpod has signed is trusted, and lies where podman puts it.
pub(crate) fn an_image_of_a_registry_is_signed() -> Result<()> {
    let signers = Signers::new()?;
    let stack = &signers.stack;
    let open = "--batch --passphrase '' --quick-generate-key carol@example.com ed25519 sign never";
    signers.gpg(open)?.ok()?;
    let key = signers.gpg("--armor --export carol@example.com")?.ok()?;
    stack.scratch.write("carol.asc", key.stdout)?;
    let remote = stack.remote("alpine:latest");
    let gpg = stack.scratch.path("gpg");
    let line = format!("image sign --sign-by carol@example.com -d lookaside {remote}");
    stack
        .rpod(&line)
        .env("GNUPGHOME", &gpg)
        .exits(125)?
        .complains("lookaside")?;
    fs::create_dir(stack.scratch.path("lookaside"))?;
    for _ in 0..2 {
        stack.rpod(&line).env("GNUPGHOME", &gpg).ok()?;
    }
    let digest = tests::image::Image::alpine()?.manifest.hex;
    let made = stack
        .scratch
        .path(format!("lookaside/alpine@sha256={digest}"));
    for signature in ["signature-1", "signature-2"] {
        ensure!(made.join(signature).is_file(), "no {signature}");
    }
    ensure!(fs::read_dir(&made)?.count() == 2, "something else was left");
    let policy = signers.signed_by("carol", r#"{"type":"matchRepoDigestOrExact"}"#)?;
    signers
        .rskopeo(&format!("--policy {policy} copy {remote} dir:trusted"))
        .ok()?;

    // One of the store lies under the name that it has there.
    let name = format!("{}/alpine:latest", stack.registry.address);
    stack.rpod(&format!("pull {name}")).ok()?;
    stack
        .rpod("image sign --sign-by carol@example.com -d lookaside containers-storage:alpine")
        .env("GNUPGHOME", &gpg)
        .ok()?;
    ensure!(
        made.join("signature-3").is_file(),
        "no signature of the stored image"
    );

    stack
        .rpod(&format!("image sign {remote}"))
        .exits(125)?
        .complains("no identity provided")?;
    stack
        .rpod("image sign --sign-by carol@example.com alpine")
        .exits(125)?
        .complains("parsing image name")?;
    stack
        .rpod(&format!(
            "image sign --all --sign-by carol@example.com -d lookaside {remote}"
        ))
        .env("GNUPGHOME", &gpg)
        .exits(125)?
        .complains("is not a multi-architecture image")?;
    Ok(())
}
