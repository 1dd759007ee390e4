//! `experimental-image-proxy`: images for a program that speaks JSON over a socket, as bootc and ostree do. Protocol 0.2.8.
//!
//! ```text
//! client ─ {"method":"OpenImage","args":["docker://…"]} ─▶        one packet (SOCK_SEQPACKET), at most 32 KiB
//!        ◀─ {"success":true,"value":1,"pipeid":0,"error_code":"","error":""} ─
//! client ─ {"method":"GetBlob","args":[1,"sha256:…",123]} ─▶
//!        ◀─ … "pipeid":7 … and the end of a pipe (SCM_RIGHTS), into which a thread writes
//! client ─ {"method":"FinishPipe","args":[7]} ─▶                  how it went; only now the pipe ends
//! ```

mod images;
mod pipes;
mod socket;

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::{Global, ImageProxy};
use crate::digest::Digest;
use crate::fatal::{self, NotFound};
use crate::go_json;
use crate::manifest::Descriptor;
use crate::retry;

use images::{Images, Opened};
use pipes::Pipes;
use socket::{Answer, Socket};

const VERSION: &str = "0.2.8";
/// The largest integer that every reader of JSON has.
const MOST: f64 = 9_007_199_254_740_991.0;

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    method: String,
    #[serde(default, deserialize_with = "go_json::null_as_default")]
    args: Vec<Value>,
}

#[derive(Default, Serialize)]
struct Reply {
    success: bool,
    value: Value,
    pipeid: u32,
    error_code: &'static str,
    error: String,
}

#[derive(Serialize)]
struct LayerInfo<'a> {
    digest: &'a Digest,
    size: u64,
    media_type: &'a str,
}

/// Serves until the client says `Shutdown` or goes away.
pub fn run(global: &Global, args: &ImageProxy) -> Result<()> {
    let socket = Socket::of(args.sockfd)?;
    let mut proxy = Proxy {
        images: Images::new(global, args.access.resolve(global)?),
        pipes: Pipes::default(),
        initialized: false,
    };
    while let Some(packet) = socket.receive()? {
        let request: Result<Request, _> = serde_json::from_slice(&packet);
        let answered = match request {
            Ok(Request { method, .. }) if method == "Shutdown" => {
                return socket.send(Answer::new(json(&reply(&Ok(Answer::default())))?));
            }
            Ok(request) => proxy.answer(&request),
            Err(error) => Err(anyhow!("invalid request: {error}")),
        };
        let text = json(&reply(&answered))?;
        let mut answer = answered.unwrap_or_default();
        answer.text = text;
        socket.send(answer)?;
    }
    Ok(())
}

fn reply(answered: &Result<Answer>) -> Reply {
    match answered {
        Ok(answer) => Reply {
            success: true,
            value: answer.value.clone(),
            pipeid: answer.pipe_id,
            ..Reply::default()
        },
        Err(error) => Reply {
            error_code: code(error),
            error: fatal::with_go_causes(&format!("{error:#}")),
            ..Reply::default()
        },
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    Ok(go_json::compact(value)?.into_bytes())
}

/// What the client may make of an error.
fn code(error: &anyhow::Error) -> &'static str {
    let broken = error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.raw_os_error() == Some(libc::EPIPE))
    });
    match broken {
        true => "EPIPE",
        false if retry::is_passing(error) => "retryable",
        false => "other",
    }
}

struct Proxy<'a> {
    images: Images<'a>,
    pipes: Pipes,
    initialized: bool,
}

impl Proxy<'_> {
    fn answer(&mut self, request: &Request) -> Result<Answer> {
        let args = request.args.as_slice();
        let known = [
            "OpenImage",
            "OpenImageOptional",
            "CloseImage",
            "GetManifest",
            "GetConfig",
            "GetFullConfig",
            "GetBlob",
            "GetRawBlob",
            "GetLayerInfo",
            "GetLayerInfoPiped",
            "FinishPipe",
        ];
        let method = request.method.as_str();
        if method == "Initialize" {
            if self.initialized {
                bail!("already initialized");
            }
            let [] = args else {
                bail!("invalid request, expecting zero arguments");
            };
            self.initialized = true;
            return Ok(Answer::of(VERSION.into()));
        }
        if !known.contains(&method) {
            bail!("unknown method: {method}");
        }
        if !self.initialized {
            bail!("client error: must invoke Initialize");
        }
        match (method, args) {
            ("OpenImage" | "OpenImageOptional", [name]) => {
                self.open(name, method.ends_with("Optional"))
            }
            ("CloseImage", [image]) => {
                let image = number(image)?;
                self.images.close(image)?;
                Ok(Answer::default())
            }
            ("FinishPipe", [pipe]) => {
                let pipe = number(pipe)?;
                self.pipes.finish(pipe)?;
                Ok(Answer::default())
            }
            ("GetManifest", [image]) => {
                let image = self.image(image)?;
                let (digest, manifest) = (image.digest(), image.oci_manifest()?);
                self.pipes.bytes(digest.as_str().into(), manifest)
            }
            ("GetConfig", [image]) => {
                let config = json(&self.image(image)?.config()?.config)?;
                self.pipes.bytes(Value::Null, config)
            }
            ("GetFullConfig", [image]) => {
                let config = json(&self.image(image)?.config()?)?;
                self.pipes.bytes(Value::Null, config)
            }
            ("GetLayerInfo", [image]) => {
                let layers = layers(self.image(image)?);
                Ok(Answer::of(serde_json::to_value(layers)?))
            }
            ("GetLayerInfoPiped", [image]) => {
                let layers = json(&layers(self.image(image)?))?;
                self.pipes.bytes(Value::Null, layers)
            }
            ("GetBlob", [image, digest, size]) => {
                let (digest, size) = (parsed(digest)?, number(size)?);
                let (reader, blob) = self.image(image)?.blob(&digest)?;
                let told = blob.size;
                let wanted = Descriptor { size, ..blob };
                self.pipes.verified(told, reader, &wanted)
            }
            ("GetRawBlob", [image, digest]) => {
                let (reader, blob) = self.image(image)?.blob(&parsed(digest)?)?;
                pipes::raw(reader, blob.size)
            }
            ("GetBlob" | "GetRawBlob" | "GetLayerInfo" | "GetLayerInfoPiped", _) => {
                let wanted = match method {
                    "GetBlob" => "imgid, digest, size",
                    "GetRawBlob" => "imgid, digest",
                    _ => "imgid",
                };
                bail!("found {} args, expecting ({wanted})", args.len())
            }
            _ => bail!("invalid request, expecting one argument"),
        }
    }

    fn open(&mut self, name: &Value, optional: bool) -> Result<Answer> {
        let Some(name) = name.as_str() else {
            bail!("expecting string imageref, not {name}");
        };
        match self.images.open(name) {
            Err(error) if optional && error.chain().any(|cause| cause.is::<NotFound>()) => {
                Ok(Answer::of(0.into()))
            }
            opened => opened.map(|id| Answer::of(id.into())),
        }
    }

    fn image(&self, id: &Value) -> Result<&Opened> {
        self.images.get(number(id)?)
    }
}

fn layers(image: &Opened) -> Vec<LayerInfo<'_>> {
    let layers = image.layers().iter();
    layers
        .map(|layer| LayerInfo {
            digest: &layer.digest,
            size: layer.size,
            media_type: &layer.media_type,
        })
        .collect()
}

fn parsed(digest: &Value) -> Result<Digest> {
    match digest.as_str() {
        Some(text) => Ok(text.parse()?),
        None => bail!("expecting string blobid"),
    }
}

/// JSON's numbers are not all integers, and not every reader has all integers.
fn number(value: &Value) -> Result<u64> {
    match value.as_f64() {
        None => bail!("expecting numeric, not {value}"),
        Some(number) if (0.0..=MOST).contains(&number) => Ok(number as u64),
        Some(number) => bail!("out of range integer for numeric {number}"),
    }
}
