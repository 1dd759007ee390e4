use std::path::PathBuf;

/// skopeo-login(1)
#[derive(Debug, clap::Args)]
pub struct Login {
    /// The registry, as host[:port][/namespace]
    #[arg(value_name = "REGISTRY")]
    pub registry: Option<String>,
    /// Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Use certificates at the specified path to access the registry
    #[arg(long, value_name = "PATH")]
    pub cert_dir: Option<PathBuf>,
    /// Path of a Docker-compatible config file to update instead
    #[arg(long, value_name = "FILE")]
    pub compat_auth_file: Option<PathBuf>,
    /// Return the current login user for the registry
    #[arg(long)]
    pub get_login: bool,
    /// Password for registry
    #[arg(short, long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Take the password from stdin
    #[arg(long)]
    pub password_stdin: bool,
    /// Username for registry
    #[arg(short, long, value_name = "USERNAME")]
    pub username: Option<String>,
    /// Require HTTPS and verify certificates when accessing the registry
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tls_verify: Option<bool>,
    /// Write more detailed information to stdout
    #[arg(short, long)]
    pub verbose: bool,
}

/// skopeo-logout(1)
#[derive(Debug, clap::Args)]
pub struct Logout {
    /// The registry, as host[:port][/namespace]
    #[arg(value_name = "REGISTRY", conflicts_with = "all")]
    pub registry: Option<String>,
    /// Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override
    #[arg(long, value_name = "FILE")]
    pub authfile: Option<PathBuf>,
    /// Path of a Docker-compatible config file to update instead
    #[arg(long, value_name = "FILE")]
    pub compat_auth_file: Option<PathBuf>,
    /// Require HTTPS and verify certificates when accessing the registry
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tls_verify: Option<bool>,
    /// Remove the cached credentials for all registries in the auth file
    #[arg(short, long)]
    pub all: bool,
}
