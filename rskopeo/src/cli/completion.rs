#[derive(Debug, clap::Args)]
pub struct Completion {
    /// Shell to complete in
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell"])]
    pub shell: String,
    /// Do not tell what commands and options are for
    #[arg(long)]
    pub no_descriptions: bool,
}
