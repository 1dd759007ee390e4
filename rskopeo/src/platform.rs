//! The platform that an image of an index is chosen for.

use crate::cli::Global;

/// Operating system and processor, in Go's names (`linux`, `amd64`, `v8`), as image-spec image-index.md has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    /// None: any variant that runs here.
    pub variant: Option<String>,
}

impl Platform {
    /// This machine's platform, as far as `--override-os`, `--override-arch` and `--override-variant` do not say otherwise.
    pub fn chosen(global: &Global) -> Self {
        Self {
            os: global
                .override_os
                .clone()
                .unwrap_or_else(|| std::env::consts::OS.to_owned()),
            architecture: global
                .override_arch
                .clone()
                .unwrap_or_else(|| go_architecture().to_owned()),
            variant: global.override_variant.clone(),
        }
    }

    /// Variants that run on this platform, the best first; the empty one means "no variant given".
    pub fn variants(&self) -> Vec<&str> {
        const ARM: [&str; 4] = ["v8", "v7", "v6", "v5"];
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm", variant) => {
                let from = ARM
                    .iter()
                    .position(|v| Some(*v) == variant)
                    .unwrap_or(if variant.is_none() { 1 } else { 4 });
                let mut all: Vec<&str> = ARM[from..].to_vec();
                if all.is_empty() {
                    all.extend(variant);
                }
                all.push("");
                all
            }
            ("arm64", None | Some("v8")) => vec!["v8", ""],
            (_, Some(variant)) => vec![variant, ""],
            (_, None) => vec![""],
        }
    }
}

fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "loongarch64" => "loong64",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "mips64" if cfg!(target_endian = "little") => "mips64le",
        other => other,
    }
}
