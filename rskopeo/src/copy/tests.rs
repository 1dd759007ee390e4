//! Whole copies between transports that need no network.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Options, image};
use crate::digest::Digest;
use crate::manifest::RawManifest;
use crate::platform::Platform;
use crate::signature::{Terms, Trust};
use crate::transport::{self, Access, Writing};

const LAYER: &[u8] = &[b'x'; 300_000];

/// A layout at `root` with one image, named `v1`, of one gzip'ed layer (and not a tar file: a copy does not look into layers).
/// Gives the path of the layer's blob.
fn layout(root: &Path) -> PathBuf {
    let blobs = root.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |media_type: &str, bytes: &[u8]| {
        let digest = Digest::sha256(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        serde_json::json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    gzip.write_all(LAYER).unwrap();
    let packed = gzip.finish().unwrap();
    let layer = put("application/vnd.oci.image.layer.v1.tar+gzip", &packed);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [Digest::sha256(LAYER)]}
    });
    let config = put(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let manifest = serde_json::json!({"schemaVersion": 2, "config": config, "layers": [layer]});
    let mut manifest = put(
        "application/vnd.oci.image.manifest.v1+json",
        manifest.to_string().as_bytes(),
    );
    manifest["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": "v1"});
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(root.join("index.json"), index.to_string()).unwrap();
    blobs.join(Digest::sha256(&packed).hex())
}

fn copy(from: &str, to: &str) -> anyhow::Result<RawManifest> {
    let platform = Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: None,
    };
    let trust = Trust::between(Terms::anything(), &from.parse()?, &to.parse()?);
    let options = Options::quiet(platform, trust);
    let source = transport::open_source(&from.parse()?, &Access::default())?;
    let destination =
        transport::open_destination(&to.parse()?, &Access::default(), &Writing::default())?;
    image(&*source, destination, &options)
}

#[test]
fn archives_give_back_what_they_were_given() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    layout(&directory.path().join("src"));
    let oci = copy(
        &format!("oci:{}:v1", at("src")),
        &format!("oci-archive:{}:v2", at("a.tar")),
    );
    let back = copy(
        &format!("oci-archive:{}:v2", at("a.tar")),
        &format!("dir:{}", at("dir")),
    );
    assert_eq!(back.unwrap(), oci.unwrap());

    let docker = copy(
        &format!("dir:{}", at("dir")),
        &format!("docker-archive:{}:a:b", at("d.tar")),
    );
    docker.unwrap();
    copy(
        &format!("docker-archive:{}", at("d.tar")),
        &format!("dir:{}", at("plain")),
    )
    .unwrap();
    let plain = Path::new(&at("plain")).join(Digest::sha256(LAYER).hex());
    assert_eq!(fs::read(plain).unwrap(), LAYER);
    let tags = transport::list_tags(
        &format!("docker-archive:{}", at("d.tar")).parse().unwrap(),
        &Access::default(),
    );
    assert_eq!(tags.unwrap(), ["docker.io/library/a:b"]);
}

/// The digest of a damaged blob is what is told, not what the decompressor makes of it; and nothing stands that looks whole.
#[test]
fn a_damaged_layer_is_named_and_leaves_nothing_whole() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("src");
    let blob = layout(&root);
    let mut bytes = fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&blob, bytes).unwrap();
    for (transport, left) in [
        ("docker-archive", "out.tar"),
        ("oci-archive", "out.tar"),
        ("dir", "out/manifest.json"),
        ("oci", "out/index.json"),
    ] {
        let out = left.split('/').next().unwrap();
        let to = format!("{transport}:{}", directory.path().join(out).display());
        let error = copy(&format!("oci:{}:v1", root.display()), &to).unwrap_err();
        let told = format!("{error:#}");
        assert!(told.contains("Digest did not match"), "{transport}: {told}");
        assert!(!directory.path().join(left).exists(), "{transport}");
        fs::remove_dir_all(directory.path().join(out)).ok();
    }
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
