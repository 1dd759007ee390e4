//! Bytes in and out of the store: rskopeo moves them.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Image, Name, short_names};
use crate::config::find_part;
use crate::engine::user_namespace::Maps;
use crate::engine::{Context, event};

/// How a registry is spoken to, as rskopeo's options have it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub authfile: Option<PathBuf>,
    pub cert_dir: Option<PathBuf>,
    /// `user:password`
    pub creds: Option<String>,
    pub tls_verify: Option<bool>,
    /// `KEY[:PASSPHRASE]` of encrypted layers; of a pull.
    pub decryption_keys: Vec<String>,
    pub quiet: bool,
    /// How often a copy that failed is tried again.
    pub retry: Option<u32>,
    /// A Go duration.
    pub retry_delay: Option<String>,
}

/// Which image of an index is meant, where not this machine's.
#[derive(Clone, Debug, Default)]
pub struct Platform {
    pub os: Option<String>,
    pub arch: Option<String>,
    pub variant: Option<String>,
}

impl Platform {
    /// True if the image is for this platform, as far as it says.
    pub fn takes(&self, image: &Image) -> bool {
        let config = &image.config;
        let same = |wanted: &Option<String>, found: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted == found || found.is_empty())
        };
        same(&self.os, &config.os)
            && same(&self.arch, &config.architecture)
            && same(&self.variant, &config.variant)
    }
}

/// Fetch an image by its name, from the first place of those that the name may mean which has it. A name with
/// a transport (`docker://…`, `oci:…`) is taken as it is.
pub fn pull(context: &Context, text: &str, access: &Access, platform: &Platform) -> Result<Image> {
    let pulled = pull_any(context, text, access, platform);
    match &pulled {
        Ok(image) => event::image(context, "pull", image, text),
        Err(error) => event::image_error(context, "pull-error", text, error),
    }
    pulled
}

fn pull_any(context: &Context, text: &str, access: &Access, platform: &Platform) -> Result<Image> {
    if let Some(name) = text.strip_prefix("docker://") {
        let name = Name::parse(name)?;
        let name = if name.is_short() {
            name.at("docker.io")
        } else {
            name
        }
        .normalized();
        return pull_one(context, &name, access, platform);
    }
    let candidates = short_names::pull_candidates(&Name::parse(text)?)?;
    let mut failures = Vec::new();
    for name in &candidates {
        if !access.quiet {
            eprintln!("Trying to pull {name}...");
        }
        match pull_one(context, name, access, platform) {
            Ok(image) => return Ok(image),
            Err(error) => failures.push(error),
        }
    }
    match failures.len() {
        1 => Err(failures.remove(0)),
        count => {
            let list: Vec<String> = failures.iter().map(|error| format!("{error:#}")).collect();
            Err(anyhow!(
                "{count} places tried for {text}: {}",
                list.join("; ")
            ))
        }
    }
}

fn pull_one(context: &Context, name: &Name, access: &Access, platform: &Platform) -> Result<Image> {
    let mut command = rskopeo()?;
    for (option, value) in [
        ("--override-os", &platform.os),
        ("--override-arch", &platform.arch),
        ("--override-variant", &platform.variant),
    ] {
        if let Some(value) = value {
            command.arg(option).arg(value);
        }
    }
    command
        .arg("copy")
        .args(access.configured(context).options("src"));
    for key in &access.decryption_keys {
        command.arg("--decryption-key").arg(key);
    }
    command
        .arg(format!("docker://{name}"))
        .arg(stored(context, &name.to_string()));
    // rskopeo names the source in its error.
    run(command, access.quiet)?;
    super::find(context, &name.to_string())
}

/// The digest that a registry has under a name now.
pub fn remote_digest(name: &str, access: &Access) -> Result<String> {
    let name = Name::parse(name.strip_prefix("docker://").unwrap_or(name))?.normalized();
    let mut command = rskopeo()?;
    command
        .args(["inspect", "--format", "{{.Digest}}"])
        .args(access.plain_options())
        .arg(format!("docker://{name}"));
    Ok(String::from_utf8_lossy(&output_of(command)?)
        .trim()
        .to_owned())
}

/// The manifest that a reference names, wherever that is. A short name is looked for where a pull would.
pub fn raw_manifest(text: &str, access: &Access) -> Result<serde_json::Value> {
    let places = match has_transport(text) {
        true => vec![text.to_owned()],
        false => short_names::pull_candidates(&Name::parse(text)?)?
            .iter()
            .map(|name| format!("docker://{name}"))
            .collect(),
    };
    let mut failures = Vec::new();
    for place in &places {
        let mut command = rskopeo()?;
        command
            .args(["inspect", "--raw"])
            .args(access.plain_options())
            .arg(place);
        match output_of(command) {
            Ok(output) => {
                return serde_json::from_slice(&output).context("the manifest is no JSON");
            }
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    bail!("{}", failures.join("; "))
}

/// Every tag of a repository, as names.
pub fn names_of_repository(text: &str, access: &Access) -> Result<Vec<String>> {
    let name = Name::parse(text.strip_prefix("docker://").unwrap_or(text))?;
    if name.tag.is_some() || name.digest.is_some() {
        bail!("{text}: --all-tags takes a repository, without a tag or a digest");
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        tags: Vec<String>,
    }
    let mut failures = Vec::new();
    for candidate in short_names::pull_candidates(&name)? {
        let mut command = rskopeo()?;
        command
            .arg("list-tags")
            .args(access.plain_options())
            .arg(format!("docker://{}", candidate.repository));
        match output_of(command) {
            Ok(output) => {
                let listed: Listed = serde_json::from_slice(&output).context("reading the tags")?;
                let named = |tag: &String| format!("{}:{tag}", candidate.repository);
                return Ok(listed.tags.iter().map(named).collect());
            }
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    bail!("{}", failures.join("; "))
}

/// How an image is written where it goes, and signed.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// rskopeo's name: `oci`, `v2s1`, `v2s2`.
    pub format: Option<String>,
    pub compression_format: Option<String>,
    pub compression_level: Option<u32>,
    pub force_compression: bool,
    /// Of the `dir` transport.
    pub compress: bool,
    pub digestfile: Option<PathBuf>,
    pub remove_signatures: bool,
    /// Whom the layers are encrypted for: `PROTOCOL:KEY`.
    pub encryption_keys: Vec<String>,
    /// Which layers are encrypted, by their place; all of them if there are keys alone.
    pub encrypt_layers: Vec<i64>,
    pub sign_by: Option<String>,
    pub sign_by_sigstore: Option<PathBuf>,
    pub sign_by_sigstore_private_key: Option<PathBuf>,
    pub sign_passphrase_file: Option<PathBuf>,
}

impl Writing {
    /// With what containers.conf says where nothing was asked for.
    fn configured(&self, context: &Context) -> Writing {
        let conf = &context.config.containers_conf.engine;
        let text = |asked: &Option<String>, configured: &Option<String>| {
            let configured = configured.clone().filter(|text| !text.is_empty());
            asked.clone().or(configured)
        };
        Writing {
            format: text(&self.format, &conf.image_default_format),
            compression_format: text(&self.compression_format, &conf.compression_format),
            compression_level: self.compression_level.or(conf.compression_level),
            ..self.clone()
        }
    }

    pub(super) fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        let texts = [
            ("--format", self.format.clone()),
            ("--dest-compress-format", self.compression_format.clone()),
            (
                "--dest-compress-level",
                self.compression_level.map(|level| level.to_string()),
            ),
            ("--sign-by", self.sign_by.clone()),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                options.extend([name.into(), value.into()]);
            }
        }
        let paths = [
            ("--digestfile", &self.digestfile),
            ("--sign-by-sigstore", &self.sign_by_sigstore),
            (
                "--sign-by-sigstore-private-key",
                &self.sign_by_sigstore_private_key,
            ),
            ("--sign-passphrase-file", &self.sign_passphrase_file),
        ];
        for (name, value) in paths {
            if let Some(value) = value {
                options.extend([name.into(), value.into()]);
            }
        }
        for (name, wanted) in [
            ("--dest-compress", self.compress),
            ("--dest-force-compress-format", self.force_compression),
            ("--remove-signatures", self.remove_signatures),
        ] {
            if wanted {
                options.push(name.into());
            }
        }
        for key in &self.encryption_keys {
            options.extend(["--encryption-key".into(), key.into()]);
        }
        for place in &self.encrypt_layers {
            options.push(format!("--encrypt-layer={place}").into());
        }
        options
    }
}

/// The destination as rskopeo takes it; one without a transport is a registry.
pub(super) fn destination(text: &str) -> Result<String> {
    Ok(match has_transport(text) {
        true => text.to_owned(),
        false => format!("docker://{}", Name::parse(text)?.normalized()),
    })
}

fn has_transport(text: &str) -> bool {
    const TRANSPORTS: [&str; 7] = [
        "docker://",
        "dir:",
        "docker-archive:",
        "docker-daemon:",
        "oci:",
        "oci-archive:",
        "containers-storage:",
    ];
    TRANSPORTS
        .iter()
        .any(|transport| text.starts_with(transport))
}

/// Send an image somewhere.
pub fn push(
    context: &Context,
    image: &Image,
    to: &str,
    access: &Access,
    writing: &Writing,
) -> Result<()> {
    let destination = destination(to)?;
    let mut command = rskopeo()?;
    command
        .arg("copy")
        .args(access.configured(context).options("dest"))
        .args(writing.configured(context).options());
    command
        .arg(stored(context, &image.reference()))
        .arg(&destination);
    run(command, access.quiet)
        .with_context(|| format!("copying image {} to {destination}", image.reference()))?;
    event::image(context, "push", image, &destination);
    Ok(())
}

/// Unpack the layers that are not there, as when another tool put the image into the layout.
pub fn unpack_missing_layers(context: &Context, image: &Image) -> Result<()> {
    let layers = context.store.layers();
    if image.layers.iter().all(|layer| layers.join(layer).is_dir()) {
        return Ok(());
    }
    let mut command = rskopeo()?;
    command
        .args(["unpack", "--layers"])
        .arg(stored(context, &image.reference()))
        .arg(layers);
    run(command, true).with_context(|| format!("unpacking the layers of {}", image.reference()))
}

/// Unpack the layers that are not there into another directory, with owners of a container's own.
pub fn unpack_mapped(context: &Context, image: &Image, layers: &Path, maps: &Maps) -> Result<()> {
    let mut command = rskopeo()?;
    command.args(["unpack", "--layers"]);
    for (option, maps) in [("--uid-map", &maps.uids), ("--gid-map", &maps.gids)] {
        for map in maps {
            let text = format!("{}:{}:{}", map.inside, map.outside, map.size);
            command.arg(option).arg(text);
        }
    }
    command.arg(stored(context, &image.reference())).arg(layers);
    run(command, true).with_context(|| {
        format!(
            "unpacking the layers of {} for a user namespace",
            image.reference()
        )
    })
}

impl Image {
    /// What names the image to rskopeo: a name of it, else its id.
    pub(super) fn reference(&self) -> String {
        let name = self.names.first().cloned();
        name.unwrap_or_else(|| format!("@{}", self.id))
    }
}

impl Access {
    /// With what containers.conf says where nothing was asked for.
    fn configured(&self, context: &Context) -> Access {
        let conf = &context.config.containers_conf.engine;
        Access {
            retry: self.retry.or(conf.retry),
            retry_delay: self
                .retry_delay
                .clone()
                .or_else(|| conf.retry_delay.clone()),
            ..self.clone()
        }
    }

    fn retries(&self) -> Vec<OsString> {
        let times = self
            .retry
            .map(|times| format!("--retry-times={times}").into());
        let delay = self
            .retry_delay
            .as_ref()
            .map(|delay| format!("--retry-delay={delay}").into());
        times.into_iter().chain(delay).collect()
    }

    /// For a command of rskopeo's that has one side only.
    pub(super) fn plain_options(&self) -> Vec<OsString> {
        self.prefixed("")
    }

    /// For one side of a copy: `src` or `dest`.
    pub(super) fn options(&self, side: &str) -> Vec<OsString> {
        self.prefixed(&format!("{side}-"))
    }

    fn prefixed(&self, prefix: &str) -> Vec<OsString> {
        let mut options = Vec::new();
        let mut add = |name: &str, value: OsString| {
            let mut option = OsString::from(format!("--{prefix}{name}="));
            option.push(value);
            options.push(option);
        };
        if let Some(authfile) = &self.authfile {
            add("authfile", authfile.into());
        }
        if let Some(directory) = &self.cert_dir {
            add("cert-dir", directory.into());
        }
        if let Some(creds) = &self.creds {
            add("creds", creds.into());
        }
        if let Some(verify) = self.tls_verify {
            add("tls-verify", verify.to_string().into());
        }
        options.extend(self.retries());
        options
    }
}

pub(super) fn rskopeo() -> Result<Command> {
    let mut command = Command::new(find_part(&[], &["rskopeo"])?);
    let rpod = nix::unistd::getpid();
    let end_with_rpod = move || {
        // A copy that nobody waits for would go on filling the store, and keep it from being swept.
        // SAFETY: prctl(PR_SET_PDEATHSIG) takes plain numbers and changes this process alone.
        nix::errno::Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) })?;
        if nix::unistd::getppid() == rpod {
            Ok(())
        } else {
            Err(std::io::ErrorKind::Interrupted.into())
        }
    };
    // SAFETY: the closure runs between fork and exec; it makes two system calls and allocates nothing.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, end_with_rpod) };
    Ok(command)
}

/// `containers-storage:[rpod@ROOT+RUNROOT]NAME`, or `@ID`
pub(super) fn stored(context: &Context, name: &str) -> OsString {
    let mut reference = OsString::from("containers-storage:[rpod@");
    reference.push(&context.store.root);
    reference.push("+");
    reference.push(&context.store.runroot);
    reference.push(format!("]{name}"));
    reference
}

/// Run it, its progress on standard error, its last words as the error.
pub(super) fn run(mut command: Command, quiet: bool) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let starting = || format!("starting {program}");
    let stderr = std::io::stderr();
    if !quiet && stderr.is_terminal() {
        let out = stderr
            .as_fd()
            .try_clone_to_owned()
            .context("duplicating standard error")?;
        let status = command.stdout(out).status().with_context(starting)?;
        return if status.success() {
            Ok(())
        } else {
            bail!("rskopeo ended with {status}")
        };
    }
    // Both streams in one pipe, so that the last line is the last thing said.
    let (reader, writer) = std::io::pipe().context("making a pipe")?;
    command
        .stdout(Stdio::from(
            writer.try_clone().context("duplicating a pipe")?,
        ))
        .stderr(Stdio::from(writer));
    let mut child = command.spawn().with_context(starting)?;
    drop(command);
    let mut last = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line.with_context(|| format!("reading what {program} says"))?;
        if !quiet && !last.is_empty() {
            eprintln!("{last}");
        }
        last = line;
    }
    let status = child
        .wait()
        .with_context(|| format!("waiting for {program}"))?;
    if !status.success() {
        bail!(
            "{}",
            if last.is_empty() {
                format!("rskopeo ended with {status}")
            } else {
                cause(&last)
            }
        );
    }
    if !quiet && !last.is_empty() {
        eprintln!("{last}");
    }
    Ok(())
}

/// Run it for what it prints; its last words are the error.
pub(super) fn output_of(mut command: Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("starting {program}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().last() {
        Some(line) => bail!("{}", cause(line)),
        None => bail!("rskopeo ended with {}", output.status),
    }
}

/// The message without what marks it as an error.
fn cause(line: &str) -> String {
    let line = line.strip_prefix("Error: ").unwrap_or(line);
    let line = match line.strip_prefix("FATA[") {
        Some(rest) => rest.split_once("] ").map_or(rest, |(_, message)| message),
        None => line,
    };
    match line
        .strip_prefix("time=")
        .and_then(|rest| rest.split_once("msg=\""))
    {
        Some((_, message)) => message.trim_end_matches('"').replace("\\\"", "\""),
        None => line.to_owned(),
    }
}
