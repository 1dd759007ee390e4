//! Signatures: made by one of rskopeo and skopeo, and asked for by the other.

use std::fs;

use tests::{Cmd, Context as _, Result, ensure, peer};

use crate::signers::Signers;

const DEFAULT: &str = r#"{"type":"matchRepoDigestOrExact"}"#;

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
