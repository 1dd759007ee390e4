//! Which commands there are, and under which nouns.

use clap::Command;

use super::verb::{Entry, entry};
use super::*;

/// `rpod COMMAND`.
pub(super) const COMMANDS: &[Entry] = &[
    entry::<attach::Attach>(),
    entry::<auto_update::AutoUpdate>(),
    entry::<commit::Commit>(),
    entry::<completion::Completion>(),
    entry::<cp::Cp>(),
    entry::<create::Create>(),
    entry::<diff::Diff>(),
    entry::<events::Events>(),
    entry::<exec::Exec>(),
    entry::<export::Export>(),
    entry::<help::Help>(),
    entry::<image::History>(),
    entry::<image::Images>(),
    entry::<image::Import>(),
    entry::<info::Info>(),
    entry::<init::Init>(),
    entry::<inspect::Inspect>(),
    entry::<kill::Kill>(),
    entry::<image::Load>(),
    entry::<login::Login>(),
    entry::<login::Logout>(),
    entry::<logs::Logs>(),
    entry::<mount::Mount>(),
    entry::<pause::Pause>(),
    entry::<port::Port>(),
    entry::<ps::Ps>(),
    entry::<image::Pull>(),
    entry::<image::Push>(),
    entry::<rename::Rename>(),
    entry::<restart::Restart>(),
    entry::<rm::Rm>(),
    entry::<image::Rmi>(),
    entry::<run::Run>(),
    entry::<image::Save>(),
    entry::<image::Search>(),
    entry::<start::Start>(),
    entry::<stats::Stats>(),
    entry::<stop::Stop>(),
    entry::<image::Tag>(),
    entry::<mount::Unmount>(),
    entry::<top::Top>(),
    entry::<pause::Unpause>(),
    entry::<unshare::Unshare>(),
    entry::<image::Untag>(),
    entry::<update::Update>(),
    entry::<version::Version>(),
    entry::<wait::Wait>(),
];

/// `rpod NOUN COMMAND`.
pub(super) const NOUNS: &[Noun] = &[
    Noun {
        name: "artifact",
        about: "Manage OCI artifacts",
        commands: &[
            entry::<artifact::Add>(),
            entry::<artifact::Extract>(),
            entry::<artifact::Inspect>(),
            entry::<artifact::List>(),
            entry::<artifact::Pull>(),
            entry::<artifact::Push>(),
            entry::<artifact::Rm>(),
        ],
    },
    Noun {
        name: "container",
        about: "Manage containers",
        commands: &[
            entry::<attach::Attach>(),
            entry::<checkpoint::Checkpoint>(),
            entry::<cleanup::Cleanup>(),
            entry::<clone::Clone>(),
            entry::<commit::Commit>(),
            entry::<cp::Cp>(),
            entry::<create::Create>(),
            entry::<diff::ContainerDiff>(),
            entry::<exec::Exec>(),
            entry::<exists::Exists>(),
            entry::<export::Export>(),
            entry::<init::Init>(),
            entry::<inspect::ContainerInspect>(),
            entry::<kill::Kill>(),
            entry::<ps::List>(),
            entry::<logs::Logs>(),
            entry::<mount::Mount>(),
            entry::<pause::Pause>(),
            entry::<port::Port>(),
            entry::<prune::Prune>(),
            entry::<rename::Rename>(),
            entry::<restart::Restart>(),
            entry::<restore::Restore>(),
            entry::<rm::Rm>(),
            entry::<run::Run>(),
            entry::<runlabel::RunLabel>(),
            entry::<start::Start>(),
            entry::<stats::Stats>(),
            entry::<stop::Stop>(),
            entry::<mount::Unmount>(),
            entry::<top::Top>(),
            entry::<pause::Unpause>(),
            entry::<update::Update>(),
            entry::<wait::Wait>(),
        ],
    },
    Noun {
        name: "generate",
        about: "Generate what runs containers elsewhere from containers",
        commands: &[entry::<generate::Spec>(), entry::<generate::Systemd>()],
    },
    Noun {
        name: "healthcheck",
        about: "Manage health checks on containers",
        commands: &[
            entry::<healthcheck::Run>(),
            entry::<healthcheck::Tell>(),
            entry::<healthcheck::Watch>(),
        ],
    },
    Noun {
        name: "image",
        about: "Manage images",
        commands: &[
            entry::<diff::ImageDiff>(),
            entry::<image::Exists>(),
            entry::<image::History>(),
            entry::<image::Import>(),
            entry::<image::Inspect>(),
            entry::<image::ImageList>(),
            entry::<image::Load>(),
            entry::<image::Mount>(),
            entry::<image::Prune>(),
            entry::<image::Pull>(),
            entry::<image::Push>(),
            entry::<image::ImageRemove>(),
            entry::<image::Save>(),
            entry::<image::Scp>(),
            entry::<image::Search>(),
            entry::<image::Sign>(),
            entry::<image::Tag>(),
            entry::<image::Tree>(),
            entry::<image::Unmount>(),
            entry::<image::Untag>(),
        ],
    },
    Noun {
        name: "manifest",
        about: "Manipulate manifest lists and image indexes",
        commands: &[
            entry::<manifest::Add>(),
            entry::<manifest::Annotate>(),
            entry::<manifest::Create>(),
            entry::<manifest::Exists>(),
            entry::<manifest::Inspect>(),
            entry::<manifest::Push>(),
            entry::<manifest::Remove>(),
            entry::<manifest::Rm>(),
        ],
    },
    Noun {
        name: "network",
        about: "Manage networks",
        commands: &[
            entry::<network::Connect>(),
            entry::<network::Create>(),
            entry::<network::Disconnect>(),
            entry::<network::Exists>(),
            entry::<network::Inspect>(),
            entry::<network::List>(),
            entry::<network::Prune>(),
            entry::<network::Reload>(),
            entry::<network::Rm>(),
            entry::<network::Update>(),
        ],
    },
    Noun {
        name: "pod",
        about: "Manage pods",
        commands: &[
            entry::<pod::Clone>(),
            entry::<pod::Create>(),
            entry::<pod::Exists>(),
            entry::<pod::Inspect>(),
            entry::<pod::Kill>(),
            entry::<pod::Logs>(),
            entry::<pod::Pause>(),
            entry::<pod::Prune>(),
            entry::<pod::Ps>(),
            entry::<pod::Restart>(),
            entry::<pod::Rm>(),
            entry::<pod::Start>(),
            entry::<pod::Stats>(),
            entry::<pod::Stop>(),
            entry::<pod::Top>(),
            entry::<pod::Unpause>(),
        ],
    },
    Noun {
        name: "quadlet",
        about: "Manage units that systemd runs containers by",
        commands: &[
            entry::<quadlet::Install>(),
            entry::<quadlet::List>(),
            entry::<quadlet::Print>(),
            entry::<quadlet::Rm>(),
        ],
    },
    Noun {
        name: "system",
        about: "Manage rpod",
        commands: &[
            entry::<system::Check>(),
            entry::<system::Df>(),
            entry::<events::Events>(),
            entry::<info::Info>(),
            entry::<system::Migrate>(),
            entry::<system::Prune>(),
            entry::<system::Renumber>(),
            entry::<system::Reset>(),
        ],
    },
    Noun {
        name: "secret",
        about: "Manage secrets",
        commands: &[
            entry::<secret::Create>(),
            entry::<secret::Exists>(),
            entry::<secret::Inspect>(),
            entry::<secret::List>(),
            entry::<secret::Rm>(),
        ],
    },
    Noun {
        name: "volume",
        about: "Manage volumes",
        commands: &[
            entry::<volume::Create>(),
            entry::<volume::Exists>(),
            entry::<volume::Export>(),
            entry::<volume::Import>(),
            entry::<volume::Inspect>(),
            entry::<volume::List>(),
            entry::<volume::Mount>(),
            entry::<volume::Prune>(),
            entry::<volume::Reload>(),
            entry::<volume::Rm>(),
            entry::<volume::Unmount>(),
        ],
    },
];

/// `rpod NOUN NOUN COMMAND`, by the first noun.
pub(super) const INNER_NOUNS: &[(&str, Noun)] = &[
    (
        "image",
        Noun {
            name: "trust",
            about: "Manage container image trust policy",
            commands: &[entry::<image::trust::Set>(), entry::<image::trust::Show>()],
        },
    ),
    (
        "system",
        Noun {
            name: "connection",
            about: "Manage the destinations where podman's service listens",
            commands: &[
                entry::<system::connection::Add>(),
                entry::<system::connection::Default>(),
                entry::<system::connection::List>(),
                entry::<system::connection::Remove>(),
                entry::<system::connection::Rename>(),
            ],
        },
    ),
];

pub(super) struct Noun {
    pub(super) name: &'static str,
    about: &'static str,
    pub(super) commands: &'static [Entry],
}

impl Noun {
    /// Without the commands that it has.
    pub(super) fn alone(&self) -> Command {
        Command::new(self.name)
            .about(self.about)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
    }

    pub(super) fn command(&self) -> Command {
        let mut group = self.alone();
        for entry in self.commands {
            group = group.subcommand(entry.command());
        }
        for (_, inner) in INNER_NOUNS.iter().filter(|(outer, _)| *outer == self.name) {
            group = group.subcommand(inner.command());
        }
        group
    }
}
