//! Simple signatures: by OpenPGP, beside the image in lookaside storage, or in the registry.

use std::fs;

use tests::{Cmd, Context as _, Result, ensure, peer};

use crate::signers::{DEFAULT, Signers};

pub(crate) fn simple_signatures_pass_between_rskopeo_and_skopeo() -> Result<()> {
    let signers = Signers::new()?;
    let (ours, theirs) = (
        signers.stack.remote("ours:1"),
        signers.stack.remote("theirs:1"),
    );
    let alpine = signers.stack.remote("alpine:latest");
    let by_alice = "--sign-by alice@example.com --sign-passphrase-file passphrase";
    let insecure = "--src-tls-verify=false --dest-tls-verify=false";
    signers
        .rskopeo(&format!("copy {by_alice} {alpine} {ours}"))
        .ok()?;
    signers
        .skopeo(&format!("copy {insecure} {by_alice} {alpine} {theirs}"))?
        .ok()?;
    let alice = signers.signed_by("alice", DEFAULT)?;
    let bob = signers.signed_by("bob", DEFAULT)?;
    for image in [&ours, &theirs] {
        signers
            .skopeo(&format!(
                "--policy {alice} copy {insecure} {image} dir:theirs"
            ))?
            .ok()?;
        signers
            .rskopeo(&format!("--policy {alice} copy {image} dir:ours"))
            .ok()?;
        let refused = signers
            .rskopeo(&format!("--policy {bob} copy {image} dir:refused"))
            .exits(1)?;
        refused.complains("Source image rejected: Invalid GPG signature")?;
    }
    // What was carried along is what was signed.
    let signature = |dir: &str| fs::read(signers.stack.scratch.path(dir).join("signature-1"));
    ensure!(signature("ours")? == signature("theirs")?);
    let unsigned = signers
        .rskopeo(&format!(
            "--policy {alice} copy {} dir:refused",
            signers.stack.remote("fedora:24")
        ))
        .exits(1)?;
    unsigned.complains("A signature was required, but no signature exists")?;
    Ok(())
}

pub(crate) fn a_signature_is_for_one_name_and_one_digest() -> Result<()> {
    let signers = Signers::new()?;
    let remote = |name: &str| signers.stack.remote(name);
    let signed = remote("team/app:1");
    signers
        .rskopeo(&format!(
            "copy --sign-by alice@example.com --sign-passphrase-file passphrase {} {signed}",
            remote("alpine:latest")
        ))
        .ok()?;
    let other = remote("team/app:2");
    signers
        .rskopeo(&format!("copy --remove-signatures {signed} {other}"))
        .ok()?;
    let alice = signers.signed_by("alice", DEFAULT)?;
    let refused = signers
        .rskopeo(&format!("--policy {alice} copy {other} dir:x"))
        .exits(1)?;
    refused.complains("is not accepted")?;
    let repository = signers.signed_by("alice", r#"{"type":"matchRepository"}"#)?;
    signers
        .rskopeo(&format!("--policy {repository} copy {other} dir:x"))
        .ok()?;
    // The signature of one image beside another one.
    let lookaside = signers.stack.scratch.path("lookaside/team");
    let from = fs::read_dir(&lookaside)?
        .next()
        .context("no signature")??
        .path();
    let fedora = tests::image::Image::fedora()?;
    fs::rename(
        from,
        lookaside.join(format!("app@sha256={}", fedora.manifest.hex)),
    )?;
    signers
        .rskopeo(&format!(
            "copy --remove-signatures {} {signed}",
            remote("fedora:24")
        ))
        .ok()?;
    let refused = signers
        .rskopeo(&format!("--policy {repository} copy {signed} dir:x"))
        .exits(1)?;
    refused.complains("Signature for digest")?;
    Ok(())
}

pub(crate) fn signatures_stay_or_stop_the_copy() -> Result<()> {
    let signers = Signers::new()?;
    let remote = |name: &str| signers.stack.remote(name);
    let identity = "--sign-identity example.org/team/app:1";
    signers
        .rskopeo(&format!(
            "copy --sign-by alice@example.com --sign-passphrase-file passphrase {identity} {} dir:signed",
            remote("alpine:latest")
        ))
        .ok()?;
    ensure!(signers.stack.scratch.path("signed/signature-1").exists());
    let refused = signers.rskopeo("copy dir:signed oci:layout:1").exits(1)?;
    refused.complains("--remove-signatures")?;
    let refused = signers
        .rskopeo("copy --format v2s2 dir:signed dir:converted")
        .exits(1)?;
    refused.complains("Would invalidate signatures")?;
    signers
        .rskopeo("copy --remove-signatures dir:signed oci:layout:1")
        .ok()?;
    let carried = signers
        .rskopeo(&format!("copy dir:signed {}", remote("team/app:1")))
        .ok()?;
    carried.says("Storing signatures")?;
    let wrong = signers
        .rskopeo("copy --sign-by alice@example.com --sign-passphrase-file wrong dir:signed dir:x")
        .exits(1)?;
    wrong.complains("open wrong: no such file")?;
    let nameless = signers
        .rskopeo(
            "copy --sign-by alice@example.com --sign-passphrase-file passphrase dir:signed dir:x",
        )
        .exits(1)?;
    nameless.complains("--sign-identity")?;
    Ok(())
}

/// A signed image is pulled under a policy that demands it, and keeps its signatures in the store of rpod and in podman's.
pub(crate) fn signatures_stay_in_the_stores() -> Result<()> {
    let signers = Signers::new()?;
    let signed = signers.stack.remote("team/signed:1");
    signers
        .rskopeo(&format!(
            "copy --sign-by alice@example.com --sign-passphrase-file passphrase {} {signed}",
            signers.stack.remote("alpine:latest")
        ))
        .ok()?;
    let scratch = &signers.stack.scratch;
    let name = signed.trim_start_matches("docker://");
    let key = scratch.path("alice.asc");
    scratch.write(
        "demanding.json",
        serde_json::json!({
            "default": [{"type": "reject"}],
            "transports": {"docker": {"": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": key}]},
                           "containers-storage": {"": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": key}]}}
        })
        .to_string(),
    )?;
    let path = |name: &str| scratch.path(name).display().to_string();
    let stores = [
        format!("containers-storage:[rpod@{}]{name}", path("rpod")),
        format!(
            "containers-storage:[overlay@{}+{}]{name}",
            path("p"),
            path("prun")
        ),
    ];
    for (n, store) in stores.iter().enumerate() {
        let copy = |line: String| signers.rskopeo(&format!("--policy demanding.json copy {line}"));
        copy(format!("{signed} {store}"))
            .ok()?
            .says("Storing signatures")?;
        // What comes out is what went in, as far as it has not to be packed anew.
        if n == 0 {
            copy(format!("{store} dir:out")).ok()?;
            ensure!(scratch.path("out/signature-1").exists());
        } else {
            copy(format!("{store} dir:out-{n}"))
                .exits(1)?
                .complains("changing layer representation")?;
            copy(format!("--remove-signatures {store} dir:out-{n}")).ok()?;
            let theirs = Cmd::new(peer("skopeo")?)
                .dir(scratch.path(""))
                .words(&format!(
                    "--policy demanding.json copy --remove-signatures {store} dir:theirs"
                ));
            theirs.ok()?;
        }
    }
    Ok(())
}

pub(crate) fn standalone_signatures_pass_both_ways() -> Result<()> {
    let signers = Signers::new()?;
    let alpine = signers.stack.remote("alpine:latest");
    signers.rskopeo(&format!("copy {alpine} dir:image")).ok()?;
    let fingerprint = signers.fingerprint("alice")?;
    let sign = format!(
        "standalone-sign --passphrase-file passphrase image/manifest.json example.org/a:1 {fingerprint} -o"
    );
    let sign_ours = format!("{sign} ours.sig");
    signers.rskopeo(&sign_ours).ok()?;
    signers.skopeo(&format!("{sign} theirs.sig"))?.ok()?;
    for signature in ["ours.sig", "theirs.sig"] {
        let line = format!(
            "standalone-verify image/manifest.json example.org/a:1 {fingerprint} {signature}"
        );
        signers.skopeo(&line)?.ok()?;
        let verified = signers.rskopeo(&line).ok()?;
        let digest = signers
            .rskopeo("manifest-digest image/manifest.json")
            .ok()?;
        verified.says(format!(
            "Signature verified using fingerprint {fingerprint}, digest {}",
            digest.text()
        ))?;
        let line = format!(
            "standalone-verify --public-key-file alice.asc image/manifest.json example.org/a:1 any {signature}"
        );
        signers.rskopeo(&line).ok()?;
        let dump = format!("untrusted-signature-dump-without-verification {signature}");
        let (ours, theirs) = (signers.rskopeo(&dump).ok()?, signers.skopeo(&dump)?.ok()?);
        ensure!(ours.json()? == theirs.json()?, "{ours}{theirs}");
    }
    let other =
        format!("standalone-verify image/manifest.json example.org/b:1 {fingerprint} ours.sig");
    signers
        .rskopeo(&other)
        .exits(1)?
        .complains("does not match")?;
    let bob = signers.fingerprint("bob")?;
    let other = format!("standalone-verify image/manifest.json example.org/a:1 {bob} ours.sig");
    signers
        .rskopeo(&other)
        .exits(1)?
        .complains("is not accepted")?;
    signers
        .rskopeo("standalone-verify image/manifest.json example.org/a:1 any ours.sig")
        .exits(1)?
        .complains("Cannot use any fingerprint without a public key file")?;
    Ok(())
}
