//! Images made on the spot from Debian's static busybox, by none of the tools under test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::programs::peer;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const PATH: &str = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Bytes and the hex of their SHA-256.
#[derive(Debug, Clone)]
pub struct Blob {
    pub hex: String,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub struct Image {
    pub manifest: Blob,
    pub config: Blob,
    pub layers: Vec<Blob>,
}

impl Image {
    /// One layer: busybox with all its applets. Its command is a shell.
    pub fn alpine() -> Result<Image> {
        static MADE: OnceLock<Image> = OnceLock::new();
        once(&MADE, || {
            Image::new(&[base_layer()?], json!({"Cmd": ["/bin/sh"], "Env": [PATH]}))
        })
    }

    /// Three layers, the later ones of which change and remove what the first one brought.
    pub fn fedora() -> Result<Image> {
        static MADE: OnceLock<Image> = OnceLock::new();
        once(&MADE, || {
            let mut changes = Layer::new();
            changes.file(
                "etc/os-release",
                0o644,
                b"NAME=Fedora\nID=fedora\nVERSION_ID=24\n",
            )?;
            changes.dir("opt/data", 0o755)?;
            changes.file("opt/data/old", 0o644, b"old\n")?;
            let mut removals = Layer::new();
            removals.file("etc/.wh.motd", 0o644, b"")?;
            removals.file("opt/data/.wh..wh..opq", 0o644, b"")?;
            removals.file("opt/data/new", 0o640, b"new\n")?;
            Image::new(
                &[base_layer()?, changes.finish()?, removals.finish()?],
                json!({"Cmd": ["/bin/sh"], "WorkingDir": "/opt/data", "Env": [PATH, "DISTTAG=f24docker"]}),
            )
        })
    }

    /// So many layers, each with a file of so many bytes that do not pack.
    pub fn of_noise(layers: usize, size: usize) -> Result<Image> {
        let mut noise = fs::File::open("/dev/urandom")?;
        let mut tars = Vec::new();
        for index in 0..layers {
            let mut bytes = vec![0; size];
            noise.read_exact(&mut bytes)?;
            let mut layer = Layer::new();
            layer.file(&format!("noise{index}"), 0o644, &bytes)?;
            tars.push(layer.finish()?);
        }
        Image::new(&tars, json!({"Cmd": ["/bin/sh"]}))
    }

    fn new(tars: &[Vec<u8>], process: Value) -> Result<Image> {
        let diff_ids: Vec<String> = tars
            .iter()
            .map(|tar| format!("sha256:{}", hex(tar)))
            .collect();
        let config = Blob::json(&json!({
            "created": "2016-06-20T00:00:00Z", "architecture": "amd64", "os": "linux", "config": process,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": tars.iter().map(|_| json!({"created": "2016-06-20T00:00:00Z", "created_by": "tests"})).collect::<Vec<_>>(),
        }))?;
        let layers = tars
            .iter()
            .map(|tar| gzip(tar).map(Blob::new))
            .collect::<Result<Vec<_>>>()?;
        let manifest = Blob::json(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": layers.iter().map(|layer| layer.descriptor(LAYER)).collect::<Vec<_>>(),
        }))?;
        Ok(Image {
            manifest,
            config,
            layers,
        })
    }

    pub fn digest(&self) -> String {
        format!("sha256:{}", self.manifest.hex)
    }

    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        [&self.manifest, &self.config]
            .into_iter()
            .chain(&self.layers)
    }

    /// Writes an OCI image layout that holds this one image under this name.
    pub fn write_layout(&self, dir: &Path, name: &str) -> Result<()> {
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        for blob in self.blobs() {
            fs::write(blobs.join(&blob.hex), &blob.bytes)?;
        }
        let mut descriptor = self.manifest.descriptor(MANIFEST);
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        fs::write(
            dir.join("index.json"),
            json!({"schemaVersion": 2, "manifests": [descriptor]}).to_string(),
        )?;
        Ok(())
    }
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Blob {
        Blob {
            hex: hex(&bytes),
            bytes,
        }
    }

    fn json(value: &Value) -> Result<Blob> {
        Ok(Blob::new(serde_json::to_vec(value)?))
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", self.hex), "size": self.bytes.len()})
    }
}

fn base_layer() -> Result<Vec<u8>> {
    let mut layer = Layer::new();
    for dir in [
        "bin", "dev", "etc", "home", "proc", "root", "sys", "usr/bin", "var/lib",
    ] {
        layer.dir(dir, 0o755)?;
    }
    layer.dir("tmp", 0o1777)?;
    layer.file("etc/os-release", 0o644, b"NAME=Alpine\nID=alpine\n")?;
    layer.file("etc/motd", 0o644, b"Welcome\n")?;
    layer.file(
        "etc/passwd",
        0o644,
        b"root:x:0:0:root:/root:/bin/sh\nguest:x:405:100:guest:/home:/bin/sh\n",
    )?;
    layer.file(
        "etc/group",
        0o644,
        b"root:x:0:\nusers:x:100:\nwheel:x:10:guest\n",
    )?;
    let busybox = busybox()?;
    layer.file("bin/busybox", 0o755, &fs::read(&busybox)?)?;
    let applets = Command::new(&busybox)
        .arg("--list")
        .output()
        .context("asking busybox for its applets")?;
    for applet in String::from_utf8_lossy(&applets.stdout)
        .lines()
        .filter(|name| *name != "busybox")
    {
        layer.link(&format!("bin/{applet}"), "/bin/busybox")?;
    }
    layer.finish()
}

/// Makes a thing for all the tests of a program.
fn once(made: &OnceLock<Image>, make: impl FnOnce() -> Result<Image>) -> Result<Image> {
    if let Some(made) = made.get() {
        return Ok(made.clone());
    }
    let new = make()?;
    Ok(made.get_or_init(|| new).clone())
}

/// Debian's `busybox-static`; the dynamic one would not start in an image that has no libraries.
pub fn busybox() -> Result<std::path::PathBuf> {
    let busybox = peer("busybox")?;
    let mut elf = fs::read(&busybox)?;
    elf.truncate(4096);
    let interpreter = b"/lib64/ld-linux";
    ensure!(
        !elf.windows(interpreter.len())
            .any(|window| window == interpreter),
        "{} is not static: install busybox-static",
        busybox.display()
    );
    Ok(busybox)
}

struct Layer(Builder<Vec<u8>>);

impl Layer {
    fn new() -> Layer {
        Layer(Builder::new(Vec::new()))
    }

    fn dir(&mut self, path: &str, mode: u32) -> Result<()> {
        let mut header = header(EntryType::Directory, mode);
        Ok(self.0.append_data(&mut header, path, &[][..])?)
    }

    fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let mut header = header(EntryType::Regular, mode);
        header.set_size(bytes.len() as u64);
        Ok(self.0.append_data(&mut header, path, bytes)?)
    }

    fn link(&mut self, path: &str, target: &str) -> Result<()> {
        let mut header = header(EntryType::Symlink, 0o777);
        Ok(self.0.append_link(&mut header, path, target)?)
    }

    fn finish(self) -> Result<Vec<u8>> {
        Ok(self.0.into_inner()?)
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(1_466_380_800);
    header.set_size(0);
    header
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
