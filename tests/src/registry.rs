//! Debian's docker-registry on a free port of 127.0.0.1, for one test.
//!
//! Images are put straight into its storage (the layout of distribution's file system driver), so that no tool stands between an
//! image and the tool under test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::Cmd;
use crate::image::Image;
use crate::programs::peer;
use crate::scratch::Scratch;

pub const USER: &str = "testuser";
pub const PASSWORD: &str = "testpassword";
/// bcrypt of [`PASSWORD`]: the only hash that the registry takes.
const HTPASSWD: &str = "testuser:$2y$05$abcdefghijklmnopqrstuuumdHvtDbXLiMUnSzTg5m4tpQDY2nJOK\n";

/// Who is let in, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Plain HTTP for anyone.
    Plain,
    /// HTTPS for anyone.
    Tls,
    /// HTTPS for anyone, with a certificate that signed itself.
    SelfSigned,
    /// HTTPS, and basic authentication as [`USER`].
    TlsAndPassword,
}

#[derive(Debug)]
pub struct Registry {
    process: Child,
    storage: PathBuf,
    /// `127.0.0.1:PORT`
    pub address: String,
    /// A directory that holds the certificate authority's `ca.crt`, as certs.d(5) has it. Empty for plain HTTP.
    pub certificates: PathBuf,
}

impl Registry {
    /// Starts a registry that holds `alpine:latest` and `fedora:24`.
    pub fn start(scratch: &Scratch, access: Access) -> Result<Registry> {
        let program = peer("docker-registry")?;
        let home = scratch.path("registry");
        let (storage, certificates, log) =
            (home.join("storage"), home.join("certs"), home.join("log"));
        fs::create_dir_all(&storage)?;
        fs::create_dir_all(&certificates)?;
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\ncompatibility: {{schema1: {{enabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http:\n  addr: 127.0.0.1:0\n",
            storage.display()
        );
        if access != Access::Plain {
            match access {
                Access::SelfSigned => make_self_signed(&home, &certificates)?,
                _ => make_certificates(&home, &certificates)?,
            }
            let home = home.display();
            config +=
                &format!("  tls: {{certificate: {home}/server.crt, key: {home}/server.key}}\n");
        }
        if access == Access::TlsAndPassword {
            fs::write(home.join("htpasswd"), HTPASSWD)?;
            config += &format!(
                "auth: {{htpasswd: {{realm: tests, path: {}/htpasswd}}}}\n",
                home.display()
            );
        }
        fs::write(home.join("config.yml"), config)?;
        let process = Command::new(program)
            .arg("serve")
            .arg(home.join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("starting docker-registry")?;
        let mut registry = Registry {
            process,
            storage,
            address: String::new(),
            certificates,
        };
        registry.address = registry.listening(&log)?;
        registry.hold("alpine", "latest", &Image::alpine()?)?;
        registry.hold("fedora", "24", &Image::fedora()?)?;
        Ok(registry)
    }

    /// Puts an image into the storage.
    pub fn hold(&self, repository: &str, tag: &str, image: &Image) -> Result<()> {
        let root = self.storage.join("docker/registry/v2");
        let home = root.join("repositories").join(repository);
        let link = |path: PathBuf, digest: &str| -> Result<()> {
            fs::create_dir_all(&path)?;
            Ok(fs::write(path.join("link"), digest)?)
        };
        for blob in image.blobs() {
            let dir = self.blob(&blob.hex);
            fs::create_dir_all(&dir)?;
            fs::write(dir.join("data"), &blob.bytes)?;
            link(
                home.join("_layers/sha256").join(&blob.hex),
                &format!("sha256:{}", blob.hex),
            )?;
        }
        let (hex, digest) = (&image.manifest.hex, image.digest());
        link(home.join("_manifests/revisions/sha256").join(hex), &digest)?;
        let tag = home.join("_manifests/tags").join(tag);
        link(tag.join("current"), &digest)?;
        link(tag.join("index/sha256").join(hex), &digest)
    }

    /// Where the storage keeps a blob's `data`.
    pub fn blob(&self, hex: &str) -> PathBuf {
        self.storage
            .join("docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(hex)
    }

    /// The lines of requests that were answered so far.
    pub fn requests(&self) -> Result<Vec<String>> {
        let log = fs::read_to_string(self.storage.with_file_name("log"))?;
        Ok(log
            .lines()
            .filter(|line| line.contains("http.request.uri"))
            .map(str::to_owned)
            .collect())
    }

    fn listening(&mut self, log: &Path) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            let text = fs::read_to_string(log)?;
            if let Some((_, rest)) = text.split_once("listening on ") {
                let end = rest.find([',', '"']).unwrap_or(rest.len());
                return Ok(rest[..end].to_owned());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("docker-registry ended with {status}:\n{text}");
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!(
            "docker-registry does not listen:\n{}",
            fs::read_to_string(log)?
        )
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One that is an authority and a server at once, as `openssl req -x509` makes it.
fn make_self_signed(home: &Path, certificates: &Path) -> Result<()> {
    Cmd::new(peer("openssl")?)
        .dir(home)
        .words("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.crt -days 2 -subj /CN=registry -addext subjectAltName=IP:127.0.0.1")
        .ok()?;
    fs::copy(home.join("server.crt"), certificates.join("ca.crt"))?;
    Ok(())
}

fn make_certificates(home: &Path, certificates: &Path) -> Result<()> {
    let openssl = |line: &str| Cmd::new(peer("openssl")?).dir(home).words(line).ok();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj '/CN=tests authority'"
    ))?;
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=127.0.0.1"
    ))?;
    fs::write(home.join("server.ext"), "subjectAltName=IP:127.0.0.1\n")?;
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.crt",
    )?;
    fs::copy(home.join("ca.crt"), certificates.join("ca.crt"))?;
    Ok(())
}
