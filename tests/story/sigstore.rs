//! Keys that a certificate vouches for, and what a transparency log has recorded: all that policy.json asks of sigstore, with an
//! authority, a log and a signer that openssl plays.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tests::image::Image;
use tests::{Cmd, Result, Stack, ensure, peer};

const IDENTITY: &str = "example.org/signed:1";
const ISSUER: &str = "https://login.example.org";
const DAY: u64 = 24 * 60 * 60;

struct Sigstore {
    stack: Stack,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Flaw {
    #[default]
    None,
    /// The log says that it was long before the certificate.
    TooEarly,
    /// The log speaks of another signature.
    OtherRecord,
    /// Nobody has recorded it.
    NoRecord,
    NoCertificate,
    /// Another's log, or another's key.
    OtherSigner,
}

impl Sigstore {
    fn new() -> Result<Sigstore> {
        let stack = Stack::new()?;
        let sigstore = Sigstore { stack };
        let scratch = &sigstore.stack.scratch;
        for name in ["root", "between", "leaf", "log", "key", "other"] {
            sigstore.openssl(&format!(
                "ecparam -name prime256v1 -genkey -noout -out {name}.key"
            ))?;
            sigstore.openssl(&format!("ec -in {name}.key -pubout -out {name}.pub"))?;
        }
        scratch.write("authority.ext", "basicConstraints=critical,CA:TRUE\n")?;
        // As Fulcio writes it: who logged in, and by whom they were known, in both forms.
        scratch.write(
            "leaf.ext",
            format!(
                "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n\
                 subjectAltName=critical,email:ann@example.org,DNS:build.example.org\n\
                 1.3.6.1.4.1.57264.1.1=DER:{}\n1.3.6.1.4.1.57264.1.8=ASN1:UTF8String:{ISSUER}\n",
                ISSUER
                    .bytes()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<Vec<_>>()
                    .join(":"),
            ),
        )?;
        for (name, by, extensions) in [
            ("root", "-signkey root.key", "authority"),
            (
                "between",
                "-CA root.crt -CAkey root.key -CAcreateserial",
                "authority",
            ),
            (
                "leaf",
                "-CA between.crt -CAkey between.key -CAcreateserial",
                "leaf",
            ),
        ] {
            sigstore.openssl(&format!(
                "req -new -key {name}.key -subj /CN={name} -out {name}.csr"
            ))?;
            sigstore.openssl(&format!(
                "x509 -req -in {name}.csr {by} -days 2 -extfile {extensions}.ext -out {name}.crt"
            ))?;
        }
        let copy = format!("copy {} dir:signed", sigstore.stack.remote("alpine:latest"));
        sigstore.stack.rskopeo(&copy).ok()?;
        Ok(sigstore)
    }

    fn openssl(&self, line: &str) -> Result<()> {
        let openssl = Cmd::new(peer("openssl")?).dir(self.stack.scratch.path(""));
        openssl.words(line).ok()?;
        Ok(())
    }

    fn read(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(self.stack.scratch.path(name))?)
    }

    fn base64(&self, bytes: impl AsRef<[u8]>) -> Result<String> {
        self.stack.scratch.write("plain", bytes)?;
        self.openssl("base64 -A -in plain -out coded")?;
        self.read("coded")
    }

    /// Base64 of a signature with a key.
    fn sign(&self, key: &str, text: &str) -> Result<String> {
        self.stack.scratch.write("text", text)?;
        self.openssl(&format!("dgst -sha256 -sign {key}.key -out raw text"))?;
        self.base64(fs::read(self.stack.scratch.path("raw"))?)
    }

    /// Signs the image: with a key alone, or with the one that is in the certificate.
    fn signed(&self, key: &str, flaw: Flaw) -> Result<()> {
        let scratch = &self.stack.scratch;
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": IDENTITY},
                "image": {"docker-manifest-digest": Image::alpine()?.digest()},
                "type": "cosign container image signature",
            },
            "optional": null,
        })
        .to_string();
        let signer = if flaw == Flaw::OtherSigner {
            "other"
        } else {
            key
        };
        let signature = self.sign(signer, &payload)?;
        let vouched = match key {
            "leaf" => self.read("leaf.crt")?,
            key => self.read(&format!("{key}.pub"))?,
        };
        let mut annotations = json!({"dev.cosignproject.cosign/signature": signature});
        if key == "leaf" && flaw != Flaw::NoCertificate {
            annotations["dev.sigstore.cosign/certificate"] = vouched.clone().into();
            let chain = self.read("between.crt")? + &self.read("root.crt")?;
            annotations["dev.sigstore.cosign/chain"] = chain.into();
        }
        if flaw != Flaw::NoRecord {
            annotations["dev.sigstore.cosign/bundle"] =
                self.recorded(&payload, &signature, &vouched, flaw)?.into();
        }
        let stored = json!({
            "mimeType": "application/vnd.dev.cosign.simplesigning.v1+json",
            "payload": self.base64(&payload)?,
            "annotations": annotations,
        });
        scratch.write("signed/signature-1", format!("\0sigstore-json\n{stored}"))?;
        Ok(())
    }

    /// What the log promises.
    fn recorded(
        &self,
        payload: &str,
        signature: &str,
        vouched: &str,
        flaw: Flaw,
    ) -> Result<String> {
        self.stack.scratch.write("payload", payload)?;
        let sum = Cmd::new(peer("sha256sum")?)
            .arg(self.stack.scratch.path("payload"))
            .ok()?;
        let sum = sum.stdout.split(' ').next().unwrap_or_default().to_owned();
        let signature = match flaw {
            Flaw::OtherRecord => self.base64("another")?,
            _ => signature.to_owned(),
        };
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": sum}},
                "signature": {"content": signature, "publicKey": {"content": self.base64(vouched)?}},
            },
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let time = if flaw == Flaw::TooEarly {
            now - 9 * DAY
        } else {
            now
        };
        // In the order of the names and without blanks: that is what is signed.
        let entry = json!({
            "body": self.base64(body.to_string())?,
            "integratedTime": time,
            "logID": "ab".repeat(32),
            "logIndex": 7,
        });
        let log = if flaw == Flaw::OtherSigner {
            "other"
        } else {
            "log"
        };
        let timestamp = self.sign(log, &entry.to_string())?;
        Ok(json!({"SignedEntryTimestamp": timestamp, "Payload": entry}).to_string())
    }

    /// Copies the image under a policy of one requirement; tells why not, if not.
    fn copied(&self, more: &Value) -> Result<Option<String>> {
        let mut requirement = json!({
            "type": "sigstoreSigned",
            "signedIdentity": {"type": "exactReference", "dockerReference": IDENTITY},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            requirement[name] = value.clone();
        }
        let policy = json!({"default": [requirement]});
        self.stack
            .scratch
            .write("policy.json", policy.to_string())?;
        let copy = self
            .stack
            .rskopeo("--policy policy.json copy dir:signed dir:to")
            .run()?;
        Ok((copy.code != 0).then_some(copy.stderr))
    }

    fn accepts(&self, requirement: &Value) -> Result<()> {
        let refused = self.copied(requirement)?;
        ensure!(refused.is_none(), "{requirement}: {refused:?}");
        Ok(())
    }

    fn refuses(&self, requirement: &Value, why: &str) -> Result<()> {
        let refused = self.copied(requirement)?.unwrap_or_default();
        let is_rejected = refused.contains("Source image rejected");
        ensure!(is_rejected && refused.contains(why), "{why}: {refused}");
        Ok(())
    }

    fn path(&self, name: &str) -> Value {
        self.stack.scratch.path(name).display().to_string().into()
    }
}

/// Who logged in somewhere got a certificate from Fulcio, and the log tells that it was good when it was used.
pub(crate) fn who_logged_in_is_asked_for() -> Result<()> {
    let sigstore = Sigstore::new()?;
    let fulcio = |authority: &str, issuer: &str, email: &str| {
        json!({
            "fulcio": {"caPath": sigstore.path(authority), "oidcIssuer": issuer, "subjectEmail": email},
            "rekorPublicKeyPath": sigstore.path("log.pub"),
        })
    };
    let asked = fulcio("root.crt", ISSUER, "ann@example.org");
    sigstore.signed("leaf", Flaw::None)?;
    sigstore.accepts(&asked)?;
    let several = json!({
        "fulcio": asked["fulcio"],
        "rekorPublicKeyPaths": [sigstore.path("other.pub"), sigstore.path("log.pub")],
    });
    sigstore.accepts(&several)?;
    let inline = json!({
        "fulcio": {
            "caData": sigstore.base64(sigstore.read("root.crt")?)?,
            "oidcIssuer": ISSUER,
            "subjectEmail": "ann@example.org",
        },
        "rekorPublicKeyData": sigstore.base64(sigstore.read("log.pub")?)?,
    });
    sigstore.accepts(&inline)?;

    let other = fulcio("leaf.crt", ISSUER, "ann@example.org");
    sigstore.refuses(&other, "verifying leaf certificate failed")?;
    let other = fulcio("root.crt", "https://other.example.org", "ann@example.org");
    sigstore.refuses(&other, "Unexpected Fulcio OIDC issuer")?;
    let other = fulcio("root.crt", ISSUER, "bob@example.org");
    sigstore.refuses(&other, "Required email")?;
    for (flaw, why) in [
        (Flaw::TooEarly, "verifying leaf certificate failed"),
        (Flaw::OtherRecord, "signature in Rekor SET does not match"),
        (
            Flaw::NoRecord,
            "missing dev.sigstore.cosign/bundle annotation",
        ),
        (
            Flaw::NoCertificate,
            "missing dev.sigstore.cosign/certificate annotation",
        ),
        (Flaw::OtherSigner, "verification of Rekor SET failed"),
    ] {
        sigstore.signed("leaf", flaw)?;
        sigstore.refuses(&asked, why)?;
    }
    Ok(())
}

/// A key of one's own whose signatures a log records.
pub(crate) fn a_record_of_the_signature_is_asked_for() -> Result<()> {
    let sigstore = Sigstore::new()?;
    let asked = json!({
        "keyPaths": [sigstore.path("other.pub"), sigstore.path("key.pub")],
        "rekorPublicKeyPath": sigstore.path("log.pub"),
    });
    sigstore.signed("key", Flaw::None)?;
    sigstore.accepts(&asked)?;
    sigstore.accepts(&json!({"keyPath": sigstore.path("key.pub")}))?;
    sigstore.refuses(
        &json!({"keyPath": sigstore.path("other.pub")}),
        "cryptographic signature verification failed",
    )?;
    sigstore.signed("key", Flaw::NoRecord)?;
    sigstore.refuses(&asked, "missing dev.sigstore.cosign/bundle annotation")?;
    sigstore.signed("key", Flaw::OtherRecord)?;
    sigstore.refuses(&asked, "No public key verified against the RekorSET")?;
    Ok(())
}

/// A certificate of an authority of one's own, with no log at all.
pub(crate) fn an_authority_of_ones_own_is_asked_for() -> Result<()> {
    let sigstore = Sigstore::new()?;
    sigstore.signed("leaf", Flaw::NoRecord)?;
    let root = sigstore.path("root.crt");
    let pki = |more: Value| {
        let mut pki = json!({"caRootsPath": root});
        for (name, value) in more.as_object().into_iter().flatten() {
            pki[name] = value.clone();
        }
        json!({"pki": pki})
    };
    sigstore.accepts(&pki(json!({"subjectEmail": "ann@example.org"})))?;
    sigstore.accepts(&pki(json!({"subjectHostname": "build.example.org"})))?;
    sigstore.accepts(&pki(json!({
        "subjectHostname": "build.example.org",
        "caIntermediatesPath": sigstore.path("between.crt"),
    })))?;
    sigstore.refuses(
        &pki(json!({"subjectEmail": "bob@example.org"})),
        "Required email",
    )?;
    let elsewhere = pki(json!({"subjectHostname": "other.example.org"}));
    sigstore.refuses(&elsewhere, "Unexpected subject hostname")?;
    Ok(())
}

pub(crate) fn what_nobody_has_made_yet_lets_nothing_in() -> Result<()> {
    let sigstore = Sigstore::new()?;
    let policy = json!({"default": [{"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}}]});
    sigstore
        .stack
        .scratch
        .write("policy.json", policy.to_string())?;
    let copy = sigstore
        .stack
        .rskopeo("--policy policy.json copy dir:signed dir:to");
    copy.exits(1)?
        .complains("Source image rejected: signedBaseLayer not implemented yet!")?;
    Ok(())
}
