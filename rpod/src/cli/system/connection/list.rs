//! podman-system-connection-list(1)

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::{Globals, Verb};
use crate::engine::system::connection;
use crate::output::template::no_methods;
use crate::output::{Listing, Style};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct List {
    /// Custom Go template for printing connections, json, or tls for the table with its certificates
    #[arg(short, long)]
    format: Option<String>,
    /// Only show connection names
    #[arg(short, long)]
    quiet: bool,
}

impl Verb for List {
    const NAME: &'static str = "list";
    const ALIASES: &'static [&'static str] = &["ls"];
    const ABOUT: &'static str = "List destination for the podman service(s)";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let all = connection::all()?;
        let rows = all.connections.iter().map(|(name, one)| {
            json!({
                "Name": name,
                "URI": one.uri,
                "Identity": one.identity,
                "TLSCA": one.tls_ca,
                "TLSCert": one.tls_cert,
                "TLSKey": one.tls_key,
                "IsMachine": false,
                "Default": *name == all.default,
                "ReadWrite": true,
            })
        });
        const SHORT: &str = "{{.Name}}\t{{.URI}}\t{{.Identity}}\t{{.Default}}\t{{.ReadWrite}}";
        const WITH_TLS: &str = "{{.Name}}\t{{.URI}}\t{{.Identity}}\t{{.TLSCA}}\t{{.TLSCert}}\t{{.TLSKey}}\t{{.Default}}\t{{.ReadWrite}}";
        let (table, format) = match self.format {
            Some(word) if word == "tls" => (WITH_TLS, None),
            format => (SHORT, format),
        };
        let listing = Listing {
            name: "list",
            rows: rows.collect(),
            hidden: &[],
            methods: no_methods,
            heading: |name| {
                Some(match name {
                    "Name" => "Name",
                    "URI" => "URI",
                    "Identity" => "Identity",
                    "TLSCA" => "TLSCA",
                    "TLSCert" => "TLSCert",
                    "TLSKey" => "TLSKey",
                    "Default" => "Default",
                    "ReadWrite" => "ReadWrite",
                    _ => return None,
                })
            },
            table,
        };
        listing.print(&Style {
            format,
            quiet: self.quiet.then_some("{{.Name}}"),
            no_heading: false,
        })?;
        Ok(0)
    }
}
