#![allow(clippy::unwrap_used)]

use std::io::Read;

use rsa::Generate;

use super::*;
use crate::manifest::OCI_LAYER;

fn pairs() -> Vec<(PublicKey, PrivateKey)> {
    let p256 = p256::SecretKey::generate();
    let p384 = p384::SecretKey::generate();
    vec![
        (PublicKey::P256(p256.public_key()), PrivateKey::P256(p256)),
        (PublicKey::P384(p384.public_key()), PrivateKey::P384(p384)),
    ]
}

fn encryption(recipients: Vec<PublicKey>) -> Encryption {
    Encryption {
        recipients,
        layers: Vec::new(),
    }
}

fn encrypted(encryption: &Encryption, bytes: &[u8]) -> (Vec<u8>, Descriptor) {
    let sealed = Sealed::new().unwrap();
    let mut out = Vec::new();
    Encrypting::new(bytes, &sealed)
        .read_to_end(&mut out)
        .unwrap();
    let digest = Digest::sha256(&out);
    let mut layer = Descriptor::new(&format!("{OCI_LAYER}{SUFFIX}"), digest, out.len() as u64);
    layer.annotations = encryption
        .annotations(&sealed, &Digest::sha256(bytes))
        .unwrap();
    (out, layer)
}

#[test]
fn every_recipient_reads_it_and_nobody_else() {
    let bytes = vec![7; 100_000];
    let pairs = pairs();
    let all: Vec<PublicKey> = pairs.iter().map(|(public, _)| public.clone()).collect();
    for recipients in [all.clone(), vec![all[0].clone()], vec![all[1].clone()]] {
        let reads_p384 = recipients
            .iter()
            .any(|key| matches!(key, PublicKey::P384(_)));
        let (out, layer) = encrypted(&encryption(recipients), &bytes);
        assert!(is_encrypted(&layer) && out != bytes);
        let keys = Decryption {
            keys: vec![pairs[1].1.clone()],
        };
        match keys.open(&layer) {
            Ok(sealed) => {
                let mut plain = Vec::new();
                Decrypting::new(&out[..], sealed)
                    .read_to_end(&mut plain)
                    .unwrap();
                assert!(plain == bytes && reads_p384);
            }
            Err(error) => assert!(!reads_p384, "{error:#}"),
        }
        let stranger = Decryption {
            keys: vec![PrivateKey::P256(p256::SecretKey::generate())],
        };
        assert!(stranger.open(&layer).is_err());
    }
}

#[test]
fn a_changed_byte_is_seen() {
    let pairs = pairs();
    let (mut out, layer) = encrypted(&encryption(vec![pairs[0].0.clone()]), b"secret");
    let keys = Decryption {
        keys: vec![pairs[0].1.clone()],
    };
    out[0] ^= 1;
    let mut reader = Decrypting::new(&out[..], keys.open(&layer).unwrap());
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
    let mut cut = Decrypting::new(&out[..3], keys.open(&layer).unwrap());
    assert!(cut.read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn layers_are_chosen_from_both_ends() {
    let chosen = |layers: &[i64]| {
        let encryption = Encryption {
            recipients: Vec::new(),
            layers: layers.to_vec(),
        };
        encryption.chosen(3)
    };
    assert_eq!(chosen(&[]).unwrap(), [true, true, true]);
    assert_eq!(chosen(&[0, -1]).unwrap(), [true, false, true]);
    assert!(chosen(&[3]).is_err() && chosen(&[-4]).is_err());
}

#[test]
fn what_is_not_had_is_refused_by_name() {
    for protocol in ["pgp", "pkcs7", "pkcs11", "provider"] {
        let error = Encryption::of(&[format!("{protocol}:x")], &[]).unwrap_err();
        assert!(format!("{error:#}").contains(protocol), "{error:#}");
    }
    assert!(Encryption::of(&["/key.pem".to_owned()], &[]).is_err());
    assert!(Encryption::of(&[], &[1]).is_err());
    assert!(jwe::open(b"{}", &[]).is_err());
}
