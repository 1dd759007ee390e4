//! Quadlet: units that describe containers, pods, volumes and so on become services that run rpod. podman-systemd.unit(5).
//!
//! ```text
//! directories ──▶ sources: files (unit_file) + drop-ins ──▶ units (who is who) ──▶ conversion, by kind ──▶ services, links
//! ```
//!
//! systemd runs [`generator`] when it reads its units; people use `rpod quadlet`, which is [`install`] and [`installed`].

mod build;
mod container;
mod conversion;
mod directories;
pub mod generator;
pub mod install;
pub mod installed;
mod kind;
mod kube;
mod links;
mod log;
mod mount;
mod others;
mod pod;
mod shared;
mod sources;
mod unit_file;
mod units;
mod words;

use anyhow::Result;

use kind::Kind;
use unit_file::UnitFile;
use units::Units;

use conversion::Conversion;

/// A service, and what was wrong without being an error.
#[derive(Debug)]
pub struct Converted {
    pub service: UnitFile,
    pub warnings: Vec<String>,
}

fn convert(source: &UnitFile, kind: Kind, units: &mut Units, of_user: bool) -> Result<Converted> {
    let mut conversion = Conversion::begin(source, kind, units, of_user)?;
    let c = &mut conversion;
    match kind {
        Kind::Artifact => others::artifact(c)?,
        Kind::Build => build::convert(c)?,
        Kind::Container => container::convert(c)?,
        Kind::Image => others::image(c)?,
        Kind::Kube => kube::convert(c)?,
        Kind::Network => others::network(c)?,
        Kind::Pod => pod::convert(c)?,
        Kind::Volume => others::volume(c)?,
    }
    Ok(Converted {
        service: conversion.service,
        warnings: conversion.warnings,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(name: &str, text: &str) -> UnitFile {
        let mut file = UnitFile::parse(text).unwrap();
        file.name = name.to_owned();
        file.path = Some(std::path::Path::new("/units").join(name));
        file
    }

    fn converted(files: &[UnitFile]) -> Result<String> {
        let mut units = Units::of(files);
        let mut last = String::new();
        for file in files {
            let kind = Kind::of_name(&file.name).unwrap();
            last = convert(file, kind, &mut units, false)?.service.text();
        }
        Ok(last)
    }

    #[test]
    fn a_container_on_a_network_and_a_volume() {
        let service = converted(&[
            file("net.network", "[Network]\n"),
            file("data.volume", "[Volume]\nVolumeName=mine\n"),
            file(
                "web.container",
                "[Container]\nImage=localhost/web\nNetwork=net.network:ip=10.0.0.2\nVolume=data.volume:/data:ro\nExec=serve \"a b\"\n[Install]\nWantedBy=default.target\n",
            ),
        ])
        .unwrap();
        for wanted in [
            "[X-Container]\n",
            "Requires=net-network.service\n",
            "After=data-volume.service\n",
            "SourcePath=/units/web.container\n",
            " --network systemd-net:ip=10.0.0.2 ",
            " -v mine:/data:ro ",
            " localhost/web serve \"a\\x20b\"\n",
            "Type=notify\n",
        ] {
            assert!(service.contains(wanted), "{wanted} in {service}");
        }
    }

    #[test]
    fn a_pod_wants_its_containers() {
        let pod = file("all.pod", "[Pod]\n");
        let files = [
            file(
                "one.container",
                "[Container]\nImage=localhost/x\nPod=all.pod\n",
            ),
            file(
                "two.container",
                "[Container]\nImage=localhost/x\nPod=all.pod\nStartWithPod=no\n",
            ),
            pod,
        ];
        let service = converted(&files).unwrap();
        assert!(
            service.contains("Wants=one.service\n") && !service.contains("two.service"),
            "{service}"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (name, text, error) in [
            (
                "a.container",
                "[Container]\n",
                "no Image or Rootfs key specified",
            ),
            (
                "a.container",
                "[Container]\nImage=x\nMount=/home:/home\n",
                "source cannot be empty: a mount of type volume has source=",
            ),
            (
                "a.container",
                "[Container]\nImage=x\nImages=y\n",
                "unsupported key 'Images' in group 'Container' in /units/a.container",
            ),
            (
                "a.container",
                "[Container]\nImage=x\nGroup=1\n",
                "invalid Group set without User",
            ),
            (
                "a.container",
                "[Container]\nImage=x\n[Service]\nKillMode=none\n",
                "invalid KillMode 'none'",
            ),
            (
                "a.volume",
                "[Volume]\nType=bind\n",
                "key Type can't be used without Device",
            ),
            (
                "a.network",
                "[Network]\nGateway=10.0.0.1\n",
                "cannot set gateway or range without subnet",
            ),
            ("a.kube", "[Kube]\n", "no Yaml key specified"),
            (
                "a.build",
                "[Build]\nImageTag=x\n",
                "neither SetWorkingDirectory, nor File key specified",
            ),
        ] {
            let said = converted(&[file(name, text)]).unwrap_err().to_string();
            assert_eq!(said, error, "{name} {text}");
        }
    }
}
