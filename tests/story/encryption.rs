//! Encrypted layers: made by one tool and read by the other, and run by the engine.

use serde_json::Value;
use tests::{Cmd, Result, Stack, ensure, peer};

use crate::formats::skopeo;

pub(crate) fn layers_are_encrypted_for_either_tool() -> Result<()> {
    let stack = Stack::new()?;
    let openssl = |line: &str| -> Result<()> {
        Cmd::new(peer("openssl")?)
            .dir(stack.scratch.path(""))
            .words(line)
            .ok()?;
        Ok(())
    };
    openssl("genrsa -traditional -out rsa.pem 2048")?;
    openssl("rsa -in rsa.pem -aes256 -traditional -passout pass:secret -out locked.pem")?;
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem")?;
    for key in ["rsa", "ec"] {
        openssl(&format!("pkey -in {key}.pem -pubout -out {key}.pub"))?;
    }
    let image = stack.remote("fedora:24");
    stack.rskopeo(&format!("copy {image} oci:plain:x")).ok()?;
    let layers = |image: &str| -> Result<Value> {
        let said = stack.rskopeo(&format!("inspect {image}")).ok()?.json()?;
        Ok(said["Layers"].clone())
    };
    let plain = layers("oci:plain:x")?;
    for (key, opened_by) in [("rsa", "locked.pem:pass=secret"), ("ec", "ec.pem")] {
        let line =
            |to: &str| format!("copy --encryption-key jwe:{key}.pub oci:plain:x oci:{to}:{key}");
        stack.rskopeo(&line("ours")).ok()?;
        skopeo(&stack, &line("theirs"))?.ok()?;
        for from in ["ours", "theirs"] {
            let line = |by: &str, to: &str| {
                format!("copy --decryption-key {by} oci:{from}:{key} oci:{from}-{key}-{to}:x")
            };
            stack.rskopeo(&line(opened_by, "ours")).ok()?;
            // The installed one takes no passphrase here.
            skopeo(&stack, &line(&format!("{key}.pem"), "theirs"))?.ok()?;
            for to in ["ours", "theirs"] {
                let decrypted = layers(&format!("oci:{from}-{key}-{to}:x"))?;
                ensure!(decrypted == plain, "{from} {key} {to}: {decrypted}");
            }
        }
    }
    // One of the layers, for two; without a key it passes as it is.
    let both = "--encryption-key jwe:rsa.pub --encryption-key jwe:ec.pub --encrypt-layer=-1";
    stack
        .rskopeo(&format!("copy {both} oci:plain:x oci:both:x"))
        .ok()?;
    let some = layers("oci:both:x")?;
    ensure!(
        some[0] == plain[0] && some[1] == plain[1] && some[2] != plain[2],
        "{some}"
    );
    stack.rskopeo("copy oci:both:x dir:kept").ok()?;
    ensure!(layers("dir:kept")? == some);
    skopeo(
        &stack,
        "copy --decryption-key ec.pem dir:kept oci:both-ec:x",
    )?
    .ok()?;
    ensure!(layers("oci:both-ec:x")? == plain);
    let refused = [
        (
            "copy oci:both:x docker-archive:x.tar:a/b:c",
            "none of which support encryption",
        ),
        ("unpack oci:both:x bundle", "--decryption-key"),
        (
            "copy --decryption-key locked.pem oci:both:x oci:y:x",
            "Missing password",
        ),
        (
            "copy --decryption-key locked.pem:no oci:both:x oci:y:x",
            "Wrong password",
        ),
        (
            "copy --decryption-key ec.pem oci:ours:rsa oci:y:x",
            "No suitable private key",
        ),
        (
            "copy --encryption-key pgp:me@example.com oci:plain:x oci:y:x",
            "pgp: keys are not supported",
        ),
        (
            "copy --encrypt-layer 0 oci:plain:x oci:y:x",
            "can only be used with --encryption-key",
        ),
        (
            "copy --encryption-key jwe:ec.pub --encrypt-layer 3 oci:plain:x oci:y:x",
            "out of range",
        ),
        (
            "copy --preserve-digests --encryption-key jwe:ec.pub oci:plain:x oci:y:x",
            "cannot modify",
        ),
    ];
    for (line, text) in refused {
        stack.rskopeo(line).exits(1)?.complains(text)?;
    }
    Ok(())
}

pub(crate) fn layers_are_decrypted_and_encrypted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for line in [
        "genrsa -traditional -out rsa,1.pem 2048",
        "pkey -in rsa,1.pem -pubout -out rsa,1.pub",
    ] {
        Cmd::new(peer("openssl")?)
            .dir(stack.scratch.path(""))
            .words(line)
            .ok()?;
    }
    let name = format!("{}/locked:latest", stack.registry.address);
    stack
        .rpod(&format!(
            "push --encryption-key jwe:rsa,1.pub alpine {name}"
        ))
        .ok()?;
    stack.rpod("rmi alpine").ok()?;
    stack.rpod(&format!("pull -q {name}")).exits(125)?;
    stack
        .rpod(&format!("run --rm --decryption-key rsa,1.pem {name} true"))
        .ok()?;
    stack.rpod(&format!("rmi {name}")).ok()?;
    stack
        .rpod(&format!("pull -q --decryption-key rsa,1.pem {name}"))
        .ok()?;
    Ok(())
}
