use super::access::ImageAccess;

/// skopeo-experimental-image-proxy(1)
#[derive(Debug, clap::Args)]
pub struct ImageProxy {
    /// Serve on this open socket of the type SOCK_SEQPACKET
    #[arg(long, value_name = "FD", default_value_t = 0)]
    pub sockfd: i32,
    #[command(flatten)]
    pub access: ImageAccess,
}
