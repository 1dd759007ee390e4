//! The kinds of unit that podman-systemd.unit(5) adds to systemd's, and the keys that each has.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Artifact,
    Build,
    Container,
    Image,
    Kube,
    Network,
    Pod,
    Volume,
}

use Kind::{Artifact, Build, Container, Image, Kube, Network, Pod, Volume};

impl Kind {
    pub fn of(extension: &str) -> Option<Kind> {
        Some(match extension {
            "artifact" => Artifact,
            "build" => Build,
            "container" => Container,
            "image" => Image,
            "kube" => Kube,
            "network" => Network,
            "pod" => Pod,
            "volume" => Volume,
            _ => return None,
        })
    }

    /// The kind of unit that a file's name tells.
    pub fn of_name(name: &str) -> Option<Kind> {
        let (stem, extension) = name.rsplit_once('.')?;
        Kind::of(extension).filter(|_| !stem.is_empty())
    }

    /// What is named by others is converted before them; pods last, since containers say that they belong to them.
    pub fn order(self) -> u8 {
        match self {
            Artifact | Image => 1,
            Network | Volume => 2,
            Build => 3,
            Container | Kube => 4,
            Pod => 5,
        }
    }

    /// The group with the unit's own keys.
    pub fn group(self) -> &'static str {
        match self {
            Artifact => "Artifact",
            Build => "Build",
            Container => "Container",
            Image => "Image",
            Kube => "Kube",
            Network => "Network",
            Pod => "Pod",
            Volume => "Volume",
        }
    }

    /// What follows the stem in the service's name, so that `a.volume` and `a.network` can be there together.
    pub fn suffix(self) -> &'static str {
        match self {
            Artifact => "-artifact",
            Build => "-build",
            Container | Kube => "",
            Image => "-image",
            Network => "-network",
            Pod => "-pod",
            Volume => "-volume",
        }
    }

    pub fn has_key(self, key: &str) -> bool {
        let own = match self {
            Artifact => ARTIFACT,
            Build => BUILD,
            Container => CONTAINER,
            Image => IMAGE,
            Kube => KUBE,
            Network => NETWORK,
            Pod => POD,
            Volume => VOLUME,
        };
        COMMON.contains(&key) || own.contains(&key)
    }
}

const COMMON: &[&str] = &[
    "ContainersConfModule",
    "GlobalArgs",
    "PodmanArgs",
    "ServiceName",
];

#[rustfmt::skip]
const ARTIFACT: &[&str] = &[
    "Artifact", "AuthFile", "CertDir", "Creds", "DecryptionKey", "Quiet", "Retry", "RetryDelay", "TLSVerify",
];

#[rustfmt::skip]
const BUILD: &[&str] = &[
    "Annotation", "Arch", "AuthFile", "BuildArg", "DNS", "DNSOption", "DNSSearch", "Environment", "File", "ForceRM", "GroupAdd",
    "IgnoreFile", "ImageTag", "Label", "Network", "Pull", "Retry", "RetryDelay", "Secret", "SetWorkingDirectory", "TLSVerify",
    "Target", "Variant", "Volume",
];

#[rustfmt::skip]
const CONTAINER: &[&str] = &[
    "AddCapability", "AddDevice", "AddHost", "Annotation", "AppArmor", "AutoUpdate", "CgroupsMode", "ContainerName", "DNS",
    "DNSOption", "DNSSearch", "DropCapability", "Entrypoint", "Environment", "EnvironmentFile", "EnvironmentHost", "Exec",
    "ExposeHostPort", "GIDMap", "Group", "GroupAdd", "HealthCmd", "HealthInterval", "HealthLogDestination", "HealthMaxLogCount",
    "HealthMaxLogSize", "HealthOnFailure", "HealthRetries", "HealthStartPeriod", "HealthStartupCmd", "HealthStartupInterval",
    "HealthStartupRetries", "HealthStartupSuccess", "HealthStartupTimeout", "HealthTimeout", "HostName", "HttpProxy", "IP", "IP6",
    "Image", "Label", "LogDriver", "LogOpt", "Mask", "Memory", "Mount", "Network", "NetworkAlias", "NoNewPrivileges", "Notify",
    "PidsLimit", "Pod", "PublishPort", "Pull", "ReadOnly", "ReadOnlyTmpfs", "ReloadCmd", "ReloadSignal", "RemapGid", "RemapUid",
    "RemapUidSize", "RemapUsers", "Retry", "RetryDelay", "Rootfs", "RunInit", "SeccompProfile", "Secret", "SecurityLabelDisable",
    "SecurityLabelFileType", "SecurityLabelLevel", "SecurityLabelNested", "SecurityLabelType", "ShmSize", "StartWithPod",
    "StopSignal", "StopTimeout", "SubGIDMap", "SubUIDMap", "Sysctl", "Timezone", "Tmpfs", "UIDMap", "Ulimit", "Unmask", "User",
    "UserNS", "VolatileTmp", "Volume", "WorkingDir",
];

#[rustfmt::skip]
const IMAGE: &[&str] = &[
    "AllTags", "Arch", "AuthFile", "CertDir", "Creds", "DecryptionKey", "Image", "ImageTag", "OS", "Policy", "Retry", "RetryDelay",
    "TLSVerify", "Variant",
];

#[rustfmt::skip]
const KUBE: &[&str] = &[
    "AutoUpdate", "ConfigMap", "ExitCodePropagation", "KubeDownForce", "LogDriver", "LogOpt", "Network", "PublishPort", "RemapGid",
    "RemapUid", "RemapUidSize", "RemapUsers", "SetWorkingDirectory", "UserNS", "Yaml",
];

#[rustfmt::skip]
const NETWORK: &[&str] = &[
    "DNS", "DisableDNS", "Driver", "Gateway", "IPAMDriver", "IPRange", "IPv6", "InterfaceName", "Internal", "Label",
    "NetworkDeleteOnStop", "NetworkName", "Options", "Subnet",
];

#[rustfmt::skip]
const POD: &[&str] = &[
    "AddHost", "DNS", "DNSOption", "DNSSearch", "ExitPolicy", "GIDMap", "HostName", "IP", "IP6", "Label", "Network", "NetworkAlias",
    "PodName", "PublishPort", "RemapGid", "RemapUid", "RemapUidSize", "RemapUsers", "ShmSize", "StopTimeout", "SubGIDMap",
    "SubUIDMap", "UIDMap", "UserNS", "Volume",
];

#[rustfmt::skip]
const VOLUME: &[&str] = &[
    "Copy", "Device", "Driver", "GID", "Group", "Image", "Label", "Options", "Type", "UID", "User", "VolumeName",
];
