//! Who signs and who asks for signatures: keys, where signatures lie, and policies.

use std::fs;

use tests::{Cmd, Context as _, Result, Stack, peer};

/// As policy.json has it for who is asked for by a name.
pub(crate) const DEFAULT: &str = r#"{"type":"matchRepoDigestOrExact"}"#;

/// A registry, registries.d, and keys of a gpg home that ends with the test.
pub(crate) struct Signers {
    pub(crate) stack: Stack,
}

impl Drop for Signers {
    fn drop(&mut self) {
        let gone = Cmd::new("gpgconf").words("--kill all");
        gone.env("GNUPGHOME", self.stack.scratch.path("gpg"))
            .run()
            .ok();
    }
}

impl Signers {
    pub(crate) fn new() -> Result<Signers> {
        let stack = Stack::new()?;
        let scratch = &stack.scratch;
        let address = &stack.registry.address;
        fs::create_dir(scratch.path("registries.d"))?;
        scratch.write(
            "registries.d/here.yaml",
            format!(
                "docker:\n  {address}:\n    lookaside: file://{}\n    sigstore: file://{0}\n    use-sigstore-attachments: true\n",
                scratch.path("lookaside").display()
            ),
        )?;
        scratch.write("passphrase", "correct horse\nsecond line\n")?;
        fs::create_dir(scratch.path("gpg"))?;
        Cmd::new("chmod")
            .words("700 gpg")
            .dir(scratch.path(""))
            .ok()?;
        let signers = Signers { stack };
        for name in ["alice", "bob"] {
            let line = format!(
                "--batch --pinentry-mode loopback --passphrase 'correct horse' --quick-generate-key {name}@example.com ed25519 sign never"
            );
            signers.gpg(&line)?.ok()?;
            let key = signers
                .gpg(&format!("--armor --export {name}@example.com"))?
                .ok()?;
            signers
                .stack
                .scratch
                .write(&format!("{name}.asc"), key.stdout)?;
        }
        Ok(signers)
    }

    pub(crate) fn gpg(&self, line: &str) -> Result<Cmd> {
        let gpg = Cmd::new(peer("gpg")?).words(line);
        Ok(gpg.env("GNUPGHOME", self.stack.scratch.path("gpg")))
    }

    /// A copy that alice has signed.
    pub(crate) fn signed(&self, image: &str) -> Result<String> {
        let signed = self.stack.remote("signed:1");
        self.rskopeo(&format!(
            "copy --sign-by alice@example.com --sign-passphrase-file passphrase {image} {signed}"
        ))
        .ok()?;
        Ok(signed)
    }

    /// The fingerprint of a primary key.
    pub(crate) fn fingerprint(&self, name: &str) -> Result<String> {
        let listed = self
            .gpg(&format!("--with-colons --list-keys {name}@example.com"))?
            .ok()?;
        let line = listed.stdout.lines().find(|line| line.starts_with("fpr:"));
        let fingerprint = line.and_then(|line| line.split(':').nth(9));
        Ok(fingerprint.context("no fingerprint")?.to_owned())
    }

    pub(crate) fn rskopeo(&self, line: &str) -> Cmd {
        let ours = self
            .stack
            .rskopeo("--registries.d registries.d")
            .words(line);
        ours.env("GNUPGHOME", self.stack.scratch.path("gpg"))
    }

    /// The counterpart, which has its own way to be told that a registry speaks plain HTTP.
    pub(crate) fn skopeo(&self, line: &str) -> Result<Cmd> {
        let theirs = Cmd::new(peer("skopeo")?).dir(self.stack.scratch.path(""));
        let theirs = theirs.env("GNUPGHOME", self.stack.scratch.path("gpg"));
        Ok(theirs.words("--registries.d registries.d").words(line))
    }

    pub(crate) fn policy(&self, name: &str, requirement: &str) -> Result<()> {
        let address = &self.stack.registry.address;
        let text = format!(
            r#"{{"default":[{{"type":"reject"}}],"transports":{{"docker":{{"{address}":[{requirement}]}}}}}}"#
        );
        self.stack.scratch.write(name, text)?;
        Ok(())
    }

    pub(crate) fn signed_by(&self, name: &str, identity: &str) -> Result<String> {
        let key = self.stack.scratch.path(format!("{name}.asc"));
        let policy = format!("{name}.json");
        let requirement = format!(
            r#"{{"type":"signedBy","keyType":"GPGKeys","keyPath":"{}","signedIdentity":{identity}}}"#,
            key.display()
        );
        self.policy(&policy, &requirement)?;
        Ok(policy)
    }
}
