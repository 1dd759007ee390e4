//! `copy SOURCE-IMAGE DESTINATION-IMAGE`

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::cli::{self, Copy, Fields, Global};
use crate::compression::Compression;
use crate::copy::{self, MultiArch, Options, UnderWay};
use crate::encryption::{Decryption, Encryption};
use crate::fatal;
use crate::platform::Platform;
use crate::reference::{Name, Reference};
use crate::retry::retrying;
use crate::signature::{Terms, Trust};
use crate::transport::{self, LayerForm, Writing};
use crate::turns::Output;

pub fn run(global: &Global, args: &Copy) -> Result<()> {
    let source: Reference = args
        .source
        .parse()
        .with_context(|| format!("Invalid source name {}", args.source))?;
    let destination: Reference = args
        .destination
        .parse()
        .with_context(|| format!("Invalid destination name {}", args.destination))?;
    let (from, to) = (args.from.resolve(global)?, args.to.resolve(global)?);
    let (mut from, mut to) = super::with_shared(from, to, args.authfile.as_ref(), args.tls_verify);
    from.shared_blob_dir.clone_from(&args.src_shared_blob_dir);
    to.shared_blob_dir.clone_from(&args.dest_shared_blob_dir);
    from.daemon_host.clone_from(&args.src_daemon_host);
    to.daemon_host.clone_from(&args.dest_daemon_host);
    check_compression(args, &destination)?;
    let writing = writing(args, &source)?;
    let trust = Trust::between(Terms::new(global, &args.signing)?, &source, &destination);

    let options = options(global, args, trust)?;
    let written = retrying(&args.retry, || {
        let image = transport::open_source(&source, &from)
            .with_context(|| format!("initializing source {source}"))?;
        let place = transport::open_destination(&destination, &to, &writing)
            .with_context(|| format!("initializing destination {destination}"))?;
        copy::image(&*image, place, &options)
    })?;
    if let Some(path) = &args.digestfile {
        let text = written.digest().to_string();
        // Not by rename: it may be a pipe, or /dev/stdout.
        fs::write(path, text)
            .with_context(|| format!("Failed to write digest to file {path:?}"))?;
    }
    Ok(())
}

/// zstd takes any level and uses the nearest that it has.
fn check_compression(args: &Copy, destination: &Reference) -> Result<()> {
    let of_dirs = [
        (args.dest_compress, "--dest-compress"),
        (args.dest_decompress, "--dest-decompress"),
    ];
    if !matches!(destination, Reference::Dir { .. }) {
        for (_, flag) in of_dirs.iter().filter(|(given, _)| *given) {
            fatal::warn(&format!(
                "{flag} can only be used if the destination transport is 'dir'"
            ));
        }
    } else if args.dest_compress && args.dest_decompress {
        bail!(
            "initializing destination {destination}: Cannot compress and decompress at the same time"
        );
    }
    if args.dest_force_compress_format && args.dest_compress_format.is_none() {
        bail!(
            "cannot use ForceCompressionFormat with undefined default compression format: give --dest-compress-format"
        );
    }
    match (args.dest_compress_format, args.dest_compress_level) {
        (None | Some(cli::CompressFormat::Gzip), Some(level)) if !(-1..=9).contains(&level) => {
            bail!(
                "gzip: invalid compression level: {level} (levels are 0 to 9, and -1 for the default)"
            )
        }
        _ => Ok(()),
    }
}

fn writing(args: &Copy, source: &Reference) -> Result<Writing> {
    let tag = |text: &String| -> Result<Name> {
        let name: Name = text
            .parse()
            .with_context(|| format!("error parsing additional-tag '{text}'"))?;
        if name.tag.is_none() {
            bail!("additional-tag '{text}' must be a tagged reference");
        }
        Ok(name)
    };
    Ok(Writing {
        oci_accepts_uncompressed: args.dest_oci_accept_uncompressed_layers,
        dir_form: match (args.dest_compress, args.dest_decompress) {
            (true, _) => Some(LayerForm::Compressed),
            (_, true) => Some(LayerForm::Uncompressed),
            _ => None,
        },
        additional_tags: args.additional_tag.iter().map(tag).collect::<Result<_>>()?,
        from: Some(source.clone()),
    })
}

fn options(global: &Global, args: &Copy, trust: Trust) -> Result<Options> {
    if !args.encryption_key.is_empty() && !args.decryption_key.is_empty() {
        bail!("--encryption-key and --decryption-key cannot be specified together");
    }
    let all =
        |keys: &[Fields]| -> Vec<String> { keys.iter().flat_map(|keys| keys.0.clone()).collect() };
    let encryption = Encryption::of(&all(&args.encryption_key), &args.encrypt_layer)?;
    let mut compression = args.dest_compress_format.map(|format| match format {
        cli::CompressFormat::Gzip => Compression::Gzip,
        cli::CompressFormat::Zstd => Compression::Zstd,
        cli::CompressFormat::ZstdChunked => Compression::ZstdChunked,
    });
    if encryption.is_some() && compression == Some(Compression::ZstdChunked) {
        // Nobody could fetch a part of it, and its table would tell what is in it.
        fatal::warn(
            "Compression using zstd:chunked is not beneficial for encrypted layers, using plain zstd instead",
        );
        compression = Some(Compression::Zstd);
    }
    Ok(Options {
        trust,
        platform: Platform::chosen(global),
        multi_arch: match args.multi_arch {
            Some(cli::MultiArch::All) => MultiArch::All,
            Some(cli::MultiArch::IndexOnly) => MultiArch::IndexOnly,
            None if args.all => MultiArch::All,
            Some(cli::MultiArch::System) | None => MultiArch::System,
        },
        format: args.format.map(cli::Format::resolve),
        preserve_digests: args.preserve_digests,
        compression,
        compression_level: args.dest_compress_level,
        encryption,
        precompute_digests: args.dest_precompute_digests,
        decryption: Decryption::of(&all(&args.decryption_key))?,
        tmpdir: global.tmpdir.clone(),
        under_way: Arc::new(UnderWay::at_most(match args.image_parallel_copies {
            0 => copy::PARALLEL,
            given => given,
        })),
        unless_there: false,
        output: match args.quiet {
            true => Output::Quiet,
            false => Output::Heard,
        },
    })
}
