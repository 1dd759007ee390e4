/// What skopeo has not: a file that an engine is given by its URL.
#[derive(Debug, clap::Args)]
pub struct Download {
    /// http://… or https://…
    #[arg(value_name = "URL")]
    pub url: String,
}
