//! podman-images(1)

use std::cmp::Reverse;

use anyhow::{Result, bail};
use clap::{ArgAction, Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Filters, Image, Name, Subject};
use crate::output::{self, Listing, Style};
use crate::store::id;

#[derive(Args, Debug)]
pub struct Images {
    /// Show all images
    #[arg(short, long)]
    all: bool,
    /// Show digests
    #[arg(long)]
    digests: bool,
    /// Show only images that the filter takes
    #[arg(short, long, value_name = "FILTER", action = ArgAction::Append)]
    filter: Vec<String>,
    /// Change the output format to JSON or a Go template
    #[arg(long)]
    format: Option<String>,
    /// Display the image name history
    #[arg(long)]
    history: bool,
    /// Do not truncate output
    #[arg(long)]
    no_trunc: bool,
    /// Do not print column headings
    #[arg(short, long)]
    noheading: bool,
    /// Display only image ids
    #[arg(short, long)]
    quiet: bool,
    /// Sort by a column
    #[arg(long, value_enum, default_value = "created")]
    sort: Column,
    /// Only images of this name
    image: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Column {
    Created,
    Id,
    Repository,
    Size,
    Tag,
}

impl Verb for Images {
    const NAME: &'static str = "images";
    const ABOUT: &'static str = "List images in local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.image.is_some() && !self.filter.is_empty() {
            bail!("cannot specify an image and a filter(s)");
        }
        let context = Context::new(globals)?;
        let rows = self.rows(&context, image::all_with_lent(&context)?)?;
        let table = self.table(rows.iter().any(|row| row["ReadOnly"] == true));
        let listing = Listing {
            name: "images",
            rows,
            hidden: &["Repository", "Tag"],
            methods: if self.no_trunc { whole } else { truncated },
            heading,
            table: &table,
        };
        let quiet = self.quiet.then_some("{{.ID}}");
        listing.print(&Style {
            format: self.format,
            quiet,
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}

impl Images {
    /// One row for each name of each image.
    fn rows(&self, context: &Context, images: Vec<Image>) -> Result<Vec<Value>> {
        let mut asked = self.filter.clone();
        asked.extend(self.image.iter().map(|name| format!("reference={name}")));
        let filters = Filters::parse(context, &asked)?;
        let mut rows = Vec::new();
        for image in images {
            if filters.takes(context, &Subject::from(&image))? {
                let image = with_names_asked_for(image, &filters);
                rows.extend(self.rows_of(context, &image)?);
            }
        }
        for list in image::list::all(context)? {
            if filters.takes(context, &Subject::list(context, &list))? {
                rows.extend(self.rows_of_list(context, &list)?);
            }
        }
        self.sort(&mut rows);
        Ok(rows)
    }

    fn rows_of(&self, context: &Context, image: &Image) -> Result<Vec<Value>> {
        let summary = image::summary(context, image)?;
        let row = |repository: String, tag: String| {
            let mut row = summary.clone();
            row["Repository"] = repository.into();
            row["Tag"] = tag.into();
            row
        };
        const NONE: &str = "<none>";
        if image.names.is_empty() || self.quiet {
            return Ok(vec![row(NONE.to_owned(), NONE.to_owned())]);
        }
        let names = image.names.iter().map(|name| match Name::parse(name) {
            Ok(name) => (name.repository, name.tag),
            Err(_) => (name.clone(), None),
        });
        // Names by digest are not shown beside those by tag, and alone but once.
        let (tagged, mut others): (Vec<_>, Vec<_>) = names.partition(|(_, tag)| tag.is_some());
        others.truncate(usize::from(tagged.is_empty()));
        let shown = tagged.into_iter().chain(others);
        Ok(shown
            .map(|(repository, tag)| row(repository, tag.unwrap_or_else(|| NONE.to_owned())))
            .collect())
    }

    /// A manifest list is an image of its own in podman's list.
    fn rows_of_list(&self, context: &Context, list: &image::list::List) -> Result<Vec<Value>> {
        let (size, changed) = (list.size(&context.store)?, list.changed(&context.store));
        let named = |name: &String| Name::parse(name).ok();
        let digests: Vec<String> = list
            .names
            .iter()
            .filter_map(named)
            .map(|name| format!("{}@{}", name.repository, list.digest))
            .collect();
        let row = json!({
            "Id": list.id, "ParentId": "", "RepoTags": null, "RepoDigests": digests, "Size": size, "SharedSize": 0,
            "VirtualSize": size, "Labels": null, "Containers": 0, "IsManifestList": true, "Names": list.names,
            "Digest": list.digest, "Created": changed.as_second(),
            "CreatedAt": changed.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        let names = list.names.iter().filter_map(named);
        Ok(names
            .map(|name| {
                let mut row = row.clone();
                row["Repository"] = name.repository.into();
                row["Tag"] = name.tag.unwrap_or_default().into();
                row
            })
            .collect())
    }

    fn sort(&self, rows: &mut [Value]) {
        let text =
            |key: &'static str| move |row: &Value| row[key].as_str().unwrap_or_default().to_owned();
        match self.sort {
            Column::Created => rows.sort_by_key(|row| Reverse(row["Created"].as_i64())),
            Column::Id => rows.sort_by_key(text("Id")),
            Column::Repository => {
                rows.sort_by_key(|row| (text("Repository")(row), text("Tag")(row)));
            }
            Column::Size => rows.sort_by_key(|row| row["Size"].as_u64()),
            Column::Tag => rows.sort_by_key(text("Tag")),
        }
    }

    fn table(&self, any_lent: bool) -> String {
        let lent = if any_lent { "\t{{.ReadOnly}}" } else { "" };
        let digest = if self.digests { "{{.Digest}}\t" } else { "" };
        let history = if self.history {
            "\t{{if .History}}{{.History}}{{else}}<none>{{end}}"
        } else {
            ""
        };
        format!(
            "{{{{.Repository}}}}\t{{{{.Tag}}}}\t{digest}{{{{.ID}}}}\t{{{{.Created}}}}\t{{{{.Size}}}}{lent}{history}"
        )
    }
}

/// Who asks for one name sees no others of the same image.
fn with_names_asked_for(mut image: Image, filters: &Filters) -> Image {
    image.names.retain(|name| filters.asks_for(name));
    image
}

fn heading(name: &str) -> Option<&'static str> {
    Some(match name {
        "ID" => "IMAGE ID",
        "CreatedSince" => "CREATED",
        "ReadOnly" => "R/O",
        _ => return None,
    })
}

/// What a template sees of a row beyond its JSON.
fn truncated(row: &Value, name: &str, _: &[Value]) -> Option<Value> {
    match name {
        "ID" => row["Id"].as_str().map(|id| id::short(id).into()),
        _ => shown(row, name),
    }
}

fn whole(row: &Value, name: &str, _: &[Value]) -> Option<Value> {
    match name {
        "ID" => row["Id"].as_str().map(|id| format!("sha256:{id}").into()),
        _ => shown(row, name),
    }
}

fn shown(row: &Value, name: &str) -> Option<Value> {
    // Only a row of the list has these; a map inside it has what it has.
    row.get("RepoDigests")?;
    let created = || Timestamp::from_second(row["Created"].as_i64()?).ok();
    Some(match name {
        "Created" | "CreatedSince" => output::ago(created()?).into(),
        "CreatedAt" | "CreatedTime" => output::go_seconds(created()?).into(),
        "Size" | "VirtualSize" => output::image_size(row[name].as_u64()?).into(),
        "History" => {
            let names = row
                .get("History")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            names
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ")
                .into()
        }
        // Only those that are lent say so.
        "ReadOnly" => row.get(name).is_some_and(|lent| lent == true).into(),
        _ => return None,
    })
}

/// `podman image list`
#[derive(Args, Debug)]
pub struct ImageList {
    #[command(flatten)]
    images: Images,
}

impl Verb for ImageList {
    const NAME: &'static str = "list";
    const ALIASES: &'static [&'static str] = &["ls"];
    const ABOUT: &'static str = Images::ABOUT;

    fn call(self, globals: &Globals) -> Result<u8> {
        self.images.call(globals)
    }
}
