//! `.build`: a service that builds an image. podman-build.unit(5).

use anyhow::{Result, bail};

use super::conversion::Conversion;
use super::conversion::Takes::{self, Each, Last, Switch};

pub fn convert(c: &mut Conversion<'_>) -> Result<()> {
    if c.own()?.resource.is_empty() {
        bail!("no ImageTag key specified");
    }
    let mut build = c.command();
    build.add("build");
    if let Some(policy) = c.filled("Pull") {
        // Its value is optional, so that it has to be one word with it.
        build.add(format_args!("--pull={policy}"));
    }
    c.options(&mut build, OPTIONS);
    c.assignments(
        &mut build,
        &[
            ("BuildArg", "--build-arg"),
            ("Environment", "--env"),
            ("Label", "--label"),
            ("Annotation", "--annotation"),
        ],
    );
    c.networks(&mut build)?;
    build.pairs("--secret", c.arguments("Secret"));
    c.volumes(&mut build)?;
    let context = c.working_directory()?;
    let directory = c
        .service
        .get_filled("Service", "WorkingDirectory")
        .map(str::to_owned);
    let file = c.filled("File");
    if directory.is_none() && file.is_none() && context.is_none() {
        bail!("neither SetWorkingDirectory, nor File key specified");
    }
    build.pairs("--file", file);
    build.extend(c.arguments("PodmanArgs"));
    match (context, directory) {
        (Some(context), _) => build.add(context),
        (None, _) if Conversion::is_placed(file.unwrap_or_default()) => {}
        (None, Some(directory)) => build.add(directory),
        (None, None) => {
            bail!("relative path in File key requires SetWorkingDirectory key to be set")
        }
    }
    c.service.add_command("Service", "ExecStart", &build.0);
    c.oneshot(false);
    Ok(())
}

const OPTIONS: &[(&str, &str, Takes)] = &[
    ("Arch", "--arch", Last),
    ("AuthFile", "--authfile", Last),
    ("IgnoreFile", "--ignorefile", Last),
    ("Target", "--target", Last),
    ("Variant", "--variant", Last),
    ("Retry", "--retry", Last),
    ("RetryDelay", "--retry-delay", Last),
    ("TLSVerify", "--tls-verify", Switch),
    ("ForceRM", "--force-rm", Switch),
    ("DNS", "--dns", Each),
    ("DNSOption", "--dns-option", Each),
    ("DNSSearch", "--dns-search", Each),
    ("GroupAdd", "--group-add", Each),
    ("ImageTag", "--tag", Each),
];
