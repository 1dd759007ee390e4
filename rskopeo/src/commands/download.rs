//! `download URL`: a file of a web server, to standard output.

use std::io::{self, BufWriter, Write as _};

use anyhow::{Context, Result, ensure};

use crate::cli::Download;
use crate::registry::{Client, Method, refused};
use crate::transport::Access;

pub fn run(args: &Download) -> Result<()> {
    let url = &args.url;
    let downloading = || format!("failed to download {url:?}");
    let client = Client::of_web(url, &Access::default()).with_context(downloading)?;
    let response = client
        .send(&Method::GET, url, &[])
        .with_context(downloading)?;
    if !response.status().is_success() {
        return Err(refused(&downloading(), response));
    }
    let length = response.body().content_length();
    let mut out = BufWriter::new(io::stdout().lock());
    let written =
        io::copy(&mut response.into_body().into_reader(), &mut out).with_context(downloading)?;
    out.flush().context("writing to stdout")?;
    // A peer that went away early may have closed the connection in order.
    ensure!(
        length.is_none_or(|length| length == written),
        "{}: {written} bytes came of {}",
        downloading(),
        length.unwrap_or_default()
    );
    Ok(())
}
