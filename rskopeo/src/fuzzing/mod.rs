//! What `fuzz/` and the tests feed with bytes that nobody would write: none of it may panic.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;

use crate::config::{AuthFile, Policy, Registries, RegistriesD};
use crate::digest::Digest;
use crate::manifest::{Image, ImageConfig, Index, RawManifest, Schema1};
use crate::reference::{Name, Reference};
use crate::signature::{Claims, Kind, Signature};

pub fn references(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = text.parse::<Name>();
    if let Ok(reference) = text.parse::<Reference>() {
        let again = reference.to_string().parse::<Reference>();
        assert_eq!(
            again.ok(),
            Some(reference),
            "{text:?} is another one when read again"
        );
    }
}

pub fn manifests(bytes: &[u8]) {
    let _ = RawManifest::digest_of(bytes);
    let _ = ImageConfig::parse(bytes);
    let Ok(manifest) = RawManifest::guess(bytes.to_vec(), None) else {
        return;
    };
    let _ = Index::parse(&manifest);
    if let Ok(image) = Image::parse(&manifest) {
        let _ = image.serialize();
    }
}

pub fn schema1(bytes: &[u8]) {
    let Ok(manifest) = RawManifest::guess(bytes.to_vec(), None) else {
        return;
    };
    let digest = manifest.digest();
    if let Ok(schema1) = Schema1::parse(&manifest) {
        let _ = schema1.full_layers().map(|layers| schema1.config(&layers));
        let name = "r.example.com/a/b:v1".parse::<Name>();
        if let Ok(renamed) = name
            .map_err(drop)
            .and_then(|name| schema1.renamed(&name).map_err(drop))
        {
            let again = Schema1::parse(&renamed);
            assert!(again.is_ok(), "{digest} renamed is not read again");
            assert_ne!(
                renamed.digest(),
                Digest::sha256(&renamed.bytes),
                "the signature is part of the digest"
            );
        }
    }
}

pub fn encryption(bytes: &[u8]) {
    crate::encryption::parse_anything(bytes);
}

pub fn policy(bytes: &[u8]) {
    if let Ok(policy) = Policy::parse(bytes) {
        let image = "docker://r.example.com:5000/a/b:v1".parse();
        let _ = image.map(|image| policy.requirements(&image).len());
    }
}

pub fn registries(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let name = "r.example.com:5000/a/b:v1".parse::<Name>();
    let (Ok(name), auth) = (name, serde_json::from_slice::<AuthFile>(bytes)) else {
        return;
    };
    let _ = auth.map(|auth| auth.knows("r.example.com"));
    if let Ok(registries) = Registries::parse(text) {
        let _ = registries.pull(&name);
    }
    if let Ok(conf) = RegistriesD::parse(text) {
        let _ = conf.staging(&name);
    }
}

pub fn signatures(bytes: &[u8]) {
    let _ = Signature::from_blob(bytes.to_vec());
    let _ = Claims::from_json(Kind::Simple, bytes);
    let _ = Claims::from_json(Kind::Sigstore, bytes);
    crate::signature::parse_anything(bytes);
}

/// A record of an archive, beside an empty tree.
pub fn tar_split(bytes: &[u8]) {
    let Ok(root) = tempfile::tempdir() else {
        return;
    };
    let (tree, record) = (File::open(root.path()), tempfile::tempfile());
    let (Ok(tree), Ok(record)) = (tree, record) else {
        return;
    };
    let mut packed = flate2::write::GzEncoder::new(record, flate2::Compression::none());
    let written = packed.write_all(bytes).and_then(|()| packed.finish());
    let Ok(mut record) = written else { return };
    if record.rewind().is_ok() {
        let mut archive = crate::tar_split::Assembler::new(record, vec![OwnedFd::from(tree)]);
        let _ = io::copy(&mut archive, &mut io::sink());
    }
}

pub fn unpack(bytes: &[u8]) {
    let Ok(root) = tempfile::tempdir() else {
        return;
    };
    let Ok(opened) = File::open(root.path()) else {
        return;
    };
    let options = crate::layer::Options {
        form: crate::layer::Form::Flat,
        owners: crate::layer::Owners::Kept,
        limits: crate::layer::Limits {
            entries: 1000,
            bytes: 1 << 20,
            ratio: 100,
        },
    };
    let mut extractor = crate::layer::Extractor::new(OwnedFd::from(opened), options);
    let _ = crate::layer::apply(bytes, None, &mut extractor);
}

#[cfg(test)]
mod tests;
