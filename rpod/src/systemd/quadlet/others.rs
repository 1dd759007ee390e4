//! `.artifact`, `.image`, `.network`, `.volume`: services that make something once.

use anyhow::{Context as _, Result, bail};

use super::conversion::Conversion;
use super::conversion::Takes::{self, Each, Last, Switch};
use super::units;
use super::words;

pub fn artifact(c: &mut Conversion<'_>) -> Result<()> {
    let name = c.filled("Artifact").context("no Artifact key specified")?;
    let mut pull = c.command();
    pull.extend(["artifact", "pull"]);
    c.options(&mut pull, ACCESS);
    c.options(
        &mut pull,
        &[
            ("Quiet", "--quiet", Switch),
            ("TLSVerify", "--tls-verify", Switch),
        ],
    );
    pull.extend(c.arguments("PodmanArgs"));
    pull.add(name);
    c.service.add_command("Service", "ExecStart", &pull.0);
    c.oneshot(true);
    name.clone_into(&mut c.own()?.resource);
    Ok(())
}

pub fn image(c: &mut Conversion<'_>) -> Result<()> {
    let name = c.filled("Image").context("no Image key specified")?;
    let mut pull = c.command();
    pull.extend(["image", "pull"]);
    c.options(&mut pull, &[("Arch", "--arch", Last)]);
    c.options(&mut pull, ACCESS);
    c.options(
        &mut pull,
        &[
            ("OS", "--os", Last),
            ("Policy", "--policy", Last),
            ("Variant", "--variant", Last),
            ("AllTags", "--all-tags", Switch),
            ("TLSVerify", "--tls-verify", Switch),
        ],
    );
    pull.extend(c.arguments("PodmanArgs"));
    pull.add(name);
    c.service.add_command("Service", "ExecStart", &pull.0);
    c.oneshot(true);
    let name = c.filled("ImageTag").unwrap_or(name);
    name.clone_into(&mut c.own()?.resource);
    Ok(())
}

const ACCESS: &[(&str, &str, Takes)] = &[
    ("AuthFile", "--authfile", Last),
    ("CertDir", "--cert-dir", Last),
    ("Creds", "--creds", Last),
    ("DecryptionKey", "--decryption-key", Last),
    ("Retry", "--retry", Last),
    ("RetryDelay", "--retry-delay", Last),
];

pub fn network(c: &mut Conversion<'_>) -> Result<()> {
    let name = units::resource_name(c.source, c.group, "NetworkName");
    if c.is("NetworkDeleteOnStop") {
        let mut remove = c.command();
        remove.extend(["network", "rm", &name]);
        c.service.add_command("Service", "ExecStopPost", &remove.0);
    }
    let mut create = c.command();
    create.extend(["network", "create", "--ignore"]);
    c.options(
        &mut create,
        &[
            ("DisableDNS", "--disable-dns", Switch),
            ("Internal", "--internal", Switch),
            ("IPv6", "--ipv6", Switch),
            ("Driver", "--driver", Last),
            ("IPAMDriver", "--ipam-driver", Last),
            ("InterfaceName", "--interface-name", Last),
            ("DNS", "--dns", Each),
        ],
    );
    let (subnets, gateways, ranges) = (c.all("Subnet"), c.all("Gateway"), c.all("IPRange"));
    if subnets.is_empty() && !(gateways.is_empty() && ranges.is_empty()) {
        bail!("cannot set gateway or range without subnet");
    }
    if gateways.len() > subnets.len() {
        bail!("cannot set more gateways than subnets");
    }
    if ranges.len() > subnets.len() {
        bail!("cannot set more ranges than subnets");
    }
    for (at, subnet) in subnets.iter().enumerate() {
        create.pairs("--subnet", [subnet]);
        create.pairs("--gateway", gateways.get(at));
        create.pairs("--ip-range", ranges.get(at));
    }
    c.assignments(&mut create, &[("Options", "--opt"), ("Label", "--label")]);
    create.extend(c.arguments("PodmanArgs"));
    create.add(&name);
    c.service.add_command("Service", "ExecStart", &create.0);
    c.oneshot(true);
    c.own()?.resource = name;
    Ok(())
}

pub fn volume(c: &mut Conversion<'_>) -> Result<()> {
    let name = units::resource_name(c.source, c.group, "VolumeName");
    let mut create = c.command();
    create.extend(["volume", "create", "--ignore"]);
    create.pairs("--uid", c.get("UID"));
    create.pairs("--gid", c.get("GID"));
    create.pairs("--driver", c.get("Driver"));
    if c.get("Driver") == Some("image") {
        let image = c
            .get("Image")
            .context("the key Image is mandatory when using the image driver")?;
        let image = c.image(image)?;
        create.pairs("--opt", [format!("image={image}")]);
    } else {
        let mut options = Vec::new();
        for (key, option) in [("User", "uid"), ("Group", "gid")] {
            if c.source.has(c.group, key) {
                let id = c.source.number(c.group, key).unwrap_or(0);
                options.push(format!("{option}={id}"));
            }
        }
        let copy = c.source.boolean(c.group, "Copy");
        create.pairs(
            "--opt",
            copy.map(|copy| if copy { "copy" } else { "nocopy" }),
        );
        let device = c.filled("Device");
        create.pairs("--opt", device.map(|device| format!("device={device}")));
        match (c.filled("Type"), device) {
            (Some(_), None) => bail!("key Type can't be used without Device"),
            (Some(kind), Some(device)) => {
                create.pairs("--opt", [format!("type={kind}")]);
                if kind == "bind" {
                    c.service
                        .add("Unit", "RequiresMountsFor", words::quote(device));
                }
            }
            (None, _) => {}
        }
        options.extend(c.filled("Options").map(str::to_owned));
        if !options.is_empty() {
            create.pairs("--opt", [format!("o={}", options.join(","))]);
        }
    }
    c.assignments(&mut create, &[("Label", "--label")]);
    create.extend(c.arguments("PodmanArgs"));
    create.add(&name);
    c.service.add_command("Service", "ExecStart", &create.0);
    c.oneshot(true);
    c.own()?.resource = name;
    Ok(())
}
