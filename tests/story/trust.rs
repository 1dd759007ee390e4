//! Signatures: made by one of rskopeo and skopeo, and asked for by the other.

use std::fs;

use tests::{Cmd, Context as _, Result, ensure, peer};

use crate::signers::{DEFAULT, Signers};

pub(crate) fn a_signature_is_required_whatever_the_policy_says() -> Result<()> {
    let signers = Signers::new()?;
    let alpine = signers.stack.remote("alpine:latest");
    let image = signers.signed(&alpine)?;
    let alice = signers.signed_by("alice", DEFAULT)?;
    signers.policy("anything.json", r#"{"type":"insecureAcceptAnything"}"#)?;
    let copy = |policy: &str| {
        signers.rskopeo(&format!(
            "--require-signed --policy {policy} copy {image} dir:copied"
        ))
    };
    copy(&alice).ok()?;
    copy("anything.json").exits(1)?.complains(
        "Source image rejected: No signature verification policy found for image docker://",
    )?;
    signers
        .rskopeo(&format!(
            "--require-signed --insecure-policy copy {image} dir:copied"
        ))
        .exits(1)?
        .complains("--insecure-policy and --require-signed are mutually exclusive")?;
    signers
        .rskopeo(&format!(
            "copy --sign-by-sq-fingerprint ABCD {image} dir:copied"
        ))
        .exits(1)?
        .complains("--sign-by-sq-fingerprint: Sequoia's keys are not used here")?;
    Ok(())
}

/// Into a bundle an image comes by no easier way than by a copy; what lies in a store has been asked about.
pub(crate) fn what_is_unpacked_is_asked_about() -> Result<()> {
    let signers = Signers::new()?;
    let alpine = signers.stack.remote("alpine:latest");
    let image = signers.signed(&alpine)?;
    let alice = signers.signed_by("alice", DEFAULT)?;
    let unpack = |image: &str, bundle: &str| {
        signers.rskopeo(&format!("--policy {alice} unpack {image} {bundle}"))
    };
    unpack(&image, "bundle").ok()?;
    unpack(&alpine, "other")
        .exits(1)?
        .complains("Source image rejected")?;
    let scratch = signers.stack.scratch.path("");
    ensure!(!scratch.join("other").exists(), "a bundle is begun");
    let stored = format!(
        "containers-storage:[rpod@{0}/s+{0}/r]alpine",
        scratch.display()
    );
    signers
        .rskopeo(&format!("--insecure-policy copy {alpine} {stored}"))
        .ok()?;
    unpack(&stored, "other").ok()?;
    Ok(())
}

/// Debian's skopeo has sigstore switched off: openssl stands in for a second opinion.
pub(crate) fn sigstore_signatures_are_made_and_asked_for() -> Result<()> {
    let signers = Signers::new()?;
    let scratch = &signers.stack.scratch;
    let generate = "generate-sigstore-key --passphrase-file passphrase --output-prefix";
    signers
        .rskopeo(&format!("{generate} key"))
        .ok()?
        .says("Key written to \"key.pub\" and \"key.private\"")?;
    signers
        .rskopeo(&format!("{generate} key"))
        .exits(1)?
        .complains("Refusing to overwrite")?;
    let signed = signers.stack.remote("signed:1");
    let alpine = signers.stack.remote("alpine:latest");
    let by_key = "--sign-by-sigstore-private-key key.private --sign-passphrase-file passphrase";
    signers
        .rskopeo(&format!("copy {by_key} {alpine} {signed}"))
        .ok()?;
    let key = scratch.path("key.pub");
    let requirement = format!(
        r#"{{"type":"sigstoreSigned","keyPath":"{}"}}"#,
        key.display()
    );
    signers.policy("sigstore.json", &requirement)?;
    signers
        .rskopeo(&format!("--policy sigstore.json copy {signed} dir:signed"))
        .ok()?;
    openssl_agrees(&signers)?;
    signers
        .rskopeo(&format!("--policy sigstore.json copy {alpine} dir:x"))
        .exits(1)?
        .complains("A signature was required")?;

    // Signed once more, by a file of parameters: both signatures are kept.
    let params = format!(
        "privateKeyFile: {}\nprivateKeyPassphraseFile: {}\n",
        scratch.path("key.private").display(),
        scratch.path("passphrase").display()
    );
    scratch.write("params.yaml", params)?;
    signers
        .rskopeo(&format!(
            "copy --sign-by-sigstore params.yaml --sign-identity example.org/a:1 {signed} {signed}"
        ))
        .ok()?;
    signers
        .rskopeo(&format!("--policy sigstore.json copy {signed} dir:twice"))
        .ok()?;
    ensure!(scratch.path("twice/signature-2").exists());

    signers.rskopeo(&format!("{generate} other")).ok()?;
    signers.policy("other.json", &requirement.replace("key.pub", "other.pub"))?;
    signers
        .rskopeo(&format!("--policy other.json copy {signed} dir:x"))
        .exits(1)?
        .complains("None of the signatures were accepted")?;
    scratch.write("passphrase", "wrong\n")?;
    signers
        .rskopeo(&format!("copy {by_key} {alpine} {signed}"))
        .exits(1)?
        .complains("is the passphrase right?")?;
    Ok(())
}

/// The policy and the lookaside are those of the person's own configuration.
pub(crate) fn the_engine_pulls_what_the_policy_lets_in() -> Result<()> {
    let signers = Signers::new()?;
    let stack = &signers.stack;
    let (alpine, signed) = (stack.remote("alpine:latest"), stack.remote("signed:1"));
    let by_alice = "--sign-by alice@example.com --sign-passphrase-file passphrase";
    signers
        .rskopeo(&format!("copy {by_alice} {alpine} {signed}"))
        .ok()?;
    let own = stack.scratch.path("home/.config/containers");
    fs::create_dir_all(own.join("registries.d"))?;
    fs::copy(
        stack.scratch.path("registries.d/here.yaml"),
        own.join("registries.d/here.yaml"),
    )?;
    let pull = |policy: &str, image: &str| -> Result<Cmd> {
        fs::copy(stack.scratch.path(policy), own.join("policy.json"))?;
        let pull = stack.rpod(&format!("pull -q {image}"));
        Ok(pull.env("HOME", stack.scratch.path("home")))
    };
    let alice = signers.signed_by("alice", DEFAULT)?;
    let bob = signers.signed_by("bob", DEFAULT)?;
    pull(&bob, &signed)?
        .exits(125)?
        .complains("Source image rejected: Invalid GPG signature")?;
    pull(&alice, &alpine)?
        .exits(125)?
        .complains("A signature was required, but no signature exists")?;
    stack.rpod("images -q").ok()?.is("")?;
    pull(&alice, &signed)?.ok()?;
    // What is in the store was judged when it came.
    let with = "--signature-policy refuse.json";
    stack
        .scratch
        .write("refuse.json", r#"{"default":[{"type":"reject"}]}"#)?;
    stack.scratch.write("layer.tar", [0; 1024])?;
    stack
        .rpod(&format!("push {with} -q signed:1 dir:out"))
        .ok()?;
    stack
        .rpod(&format!("import {with} -q layer.tar"))
        .exits(125)?
        .complains("rejected by policy")?;
    stack
        .rpod("import --signature-policy /no/such/file -q layer.tar")
        .exits(125)?
        .complains("open /no/such/file: no such file or directory")?;
    Ok(())
}

/// The payload of `signed/signature-1` and its raw signature, as openssl sees them.
fn openssl_agrees(signers: &Signers) -> Result<()> {
    let scratch = &signers.stack.scratch;
    let blob = fs::read(scratch.path("signed/signature-1"))?;
    let json = blob
        .strip_prefix(b"\0sigstore-json\n")
        .context("another format")?;
    let stored: serde_json::Value = serde_json::from_slice(json)?;
    for (name, encoded) in [
        ("payload", &stored["payload"]),
        (
            "raw",
            &stored["annotations"]["dev.cosignproject.cosign/signature"],
        ),
    ] {
        let encoded = encoded.as_str().context("no text")?;
        let decode = Cmd::new(peer("openssl")?).dir(scratch.path(""));
        decode
            .words(&format!("base64 -d -A -out {name}"))
            .stdin(encoded)
            .ok()?;
    }
    let verify = Cmd::new(peer("openssl")?).dir(scratch.path(""));
    verify
        .words("dgst -sha256 -verify key.pub -signature raw payload")
        .ok()?;
    Ok(())
}
