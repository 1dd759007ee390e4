//! `experimental-image-proxy`, asked as bootc asks it; what Debian's skopeo has of the protocol answers the same.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Stdio};

use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};
use serde_json::{Value, json};
use tests::image::{Image, hex};
use tests::{Cmd, Context as _, Result, Stack, ensure, peer};

/// A proxy, and our end of its socket.
struct Proxy {
    child: Child,
    socket: OwnedFd,
}

struct Reply {
    json: Value,
    pipes: Vec<File>,
}

impl Proxy {
    fn start(cmd: Cmd) -> Result<Proxy> {
        let (socket, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        let child = cmd
            .into_command()
            .stdin(Stdio::from(theirs))
            .spawn()
            .context("starting the proxy")?;
        Ok(Proxy { child, socket })
    }

    fn call(&self, method: &str, args: Value) -> Result<Reply> {
        let request = json!({"method": method, "args": args}).to_string();
        let text = [IoSlice::new(request.as_bytes())];
        sendmsg::<()>(
            self.socket.as_raw_fd(),
            &text,
            &[],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        let mut packet = vec![0; 32 << 10];
        let mut rights = nix::cmsg_space!([i32; 2]);
        let mut room = [IoSliceMut::new(&mut packet)];
        let message = recvmsg::<()>(
            self.socket.as_raw_fd(),
            &mut room,
            Some(&mut rights),
            MsgFlags::empty(),
        )?;
        let mut pipes = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = control {
                // SAFETY: the kernel has just made these descriptors for this message, and nobody else knows of them.
                pipes.extend(
                    descriptors
                        .into_iter()
                        .map(|fd| unsafe { File::from_raw_fd(fd) }),
                );
            }
        }
        let size = message.bytes;
        Ok(Reply {
            json: serde_json::from_slice(&packet[..size])
                .with_context(|| format!("{method}: no answer"))?,
            pipes,
        })
    }

    fn ok(&self, method: &str, args: Value) -> Result<Reply> {
        let reply = self.call(method, args)?;
        ensure!(reply.json["success"] == true, "{method}: {}", reply.json);
        Ok(reply)
    }

    fn refused(&self, method: &str, args: Value, why: &str) -> Result<()> {
        let reply = self.call(method, args)?;
        let told = reply.json["error"].as_str().unwrap_or_default();
        ensure!(
            reply.json["success"] == false && told.contains(why),
            "{method}: {}",
            reply.json
        );
        Ok(())
    }

    /// The value, and all that comes through the pipe, which ends when it is finished.
    fn read(&self, method: &str, args: Value) -> Result<(Value, Vec<u8>)> {
        let mut reply = self.ok(method, args)?;
        let mut pipe = reply.pipes.pop().context("no pipe came")?;
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).map(|_| bytes)
        });
        self.ok("FinishPipe", json!([reply.json["pipeid"]]))?;
        let bytes = reader
            .join()
            .map_err(|_| tests::Error::msg("the reader died"))??;
        Ok((reply.json["value"].clone(), bytes))
    }

    fn shut_down(mut self) -> Result<()> {
        self.call("Shutdown", json!([])).ok();
        let status = self.child.wait()?;
        ensure!(status.success(), "the proxy ended with {status}");
        Ok(())
    }
}

/// What is the same in every version of the protocol: manifest, config and layers.
fn image_is_served(proxy: &Proxy, name: &str) -> Result<Vec<Vec<u8>>> {
    let fedora = Image::fedora()?;
    let id = proxy.ok("OpenImage", json!([name]))?.json["value"].clone();
    let (digest, manifest) = proxy.read("GetManifest", json!([id]))?;
    ensure!(digest == fedora.digest().as_str(), "{digest}");
    ensure!(
        manifest == fedora.manifest.bytes,
        "the manifest was changed"
    );
    let (_, config) = proxy.read("GetFullConfig", json!([id]))?;
    let mut seen = vec![manifest, config];
    for layer in &fedora.layers {
        let digest = format!("sha256:{}", layer.hex);
        let size = layer.bytes.len();
        let (told, bytes) = proxy.read("GetBlob", json!([id, digest, size]))?;
        ensure!(told == size && hex(&bytes) == layer.hex, "layer {digest}");
        seen.push(bytes);
    }
    proxy.ok("CloseImage", json!([id]))?;
    Ok(seen)
}

fn start(stack: &Stack) -> Result<Proxy> {
    Proxy::start(stack.rskopeo("experimental-image-proxy"))
}

pub(crate) fn images_are_served_as_by_skopeo() -> Result<()> {
    let stack = Stack::new()?;
    let name = stack.remote("fedora:24");
    let ours = start(&stack)?;
    ensure!(ours.ok("Initialize", json!([]))?.json["value"] == "0.2.8");
    let seen = image_is_served(&ours, &name)?;
    ours.shut_down()?;

    let conf = stack.scratch.path("registries.conf");
    let theirs = Cmd::new(peer("skopeo")?)
        .arg("--registries-conf")
        .arg(conf)
        .words("experimental-image-proxy")
        .dir(stack.scratch.path(""));
    let theirs = Proxy::start(theirs)?;
    theirs.ok("Initialize", json!([]))?;
    ensure!(
        image_is_served(&theirs, &name)? == seen,
        "skopeo serves another image"
    );
    theirs.call("Shutdown", json!([])).ok();
    drop(theirs.socket);
    let mut child = theirs.child;
    child.wait()?;
    Ok(())
}

pub(crate) fn layers_are_told_and_served_raw() -> Result<()> {
    let stack = Stack::new()?;
    let proxy = start(&stack)?;
    proxy.refused("OpenImage", json!(["dir:x"]), "must invoke Initialize")?;
    proxy.ok("Initialize", json!([]))?;
    let missing = proxy.ok("OpenImageOptional", json!([stack.remote("alpine:none")]))?;
    ensure!(missing.json["value"] == 0, "{}", missing.json);
    proxy.refused(
        "OpenImage",
        json!(["dir:none"]),
        "open none/manifest.json: no such file or directory",
    )?;
    let wrong = "found 1 args, expecting (imgid, digest, size)";
    proxy.refused("GetBlob", json!([1]), wrong)?;
    proxy.refused("GetManifest", json!([]), "expecting one argument")?;
    proxy.refused(
        "OpenImage",
        json!([stack.remote("alpine:none")]),
        "manifest unknown",
    )?;
    let id = proxy
        .ok("OpenImageOptional", json!([stack.remote("fedora:24")]))?
        .json["value"]
        .clone();
    let inline = proxy.ok("GetLayerInfo", json!([id]))?.json["value"].clone();
    let (_, piped) = proxy.read("GetLayerInfoPiped", json!([id]))?;
    ensure!(
        serde_json::from_slice::<Value>(&piped)? == inline,
        "{inline}"
    );
    let layer = &Image::fedora()?.layers[1];
    let digest = format!("sha256:{}", layer.hex);
    ensure!(
        inline[1]["digest"] == digest.as_str() && inline[1]["size"] == layer.bytes.len(),
        "{inline}"
    );

    let mut raw = proxy.ok("GetRawBlob", json!([id, digest]))?;
    ensure!(
        raw.pipes.len() == 2 && raw.json["pipeid"] == 0,
        "{}",
        raw.json
    );
    let (mut bytes, mut errors) = (Vec::new(), String::new());
    raw.pipes[0].read_to_end(&mut bytes)?;
    raw.pipes[1].read_to_string(&mut errors)?;
    ensure!(hex(&bytes) == layer.hex && errors.is_empty(), "{errors}");
    let (_, config) = proxy.read("GetConfig", json!([id]))?;
    ensure!(serde_json::from_slice::<Value>(&config)?["WorkingDir"] == "/opt/data");

    // A size that is not the blob's is told at the end, a reader that went away by its code.
    let mut wrong = proxy.ok("GetBlob", json!([id, digest, 1]))?;
    ensure!(wrong.json["value"] == layer.bytes.len(), "{}", wrong.json);
    let mut pipe = wrong.pipes.pop().context("no pipe came")?;
    let finished = std::thread::scope(|scope| {
        scope.spawn(|| pipe.read_to_end(&mut Vec::new()).ok());
        proxy.call("FinishPipe", json!([wrong.json["pipeid"]]))
    })?;
    ensure!(
        finished.json["success"] == false && finished.json["error_code"] == "other",
        "{}",
        finished.json
    );
    let base = &Image::fedora()?.layers[0];
    let left = proxy.ok(
        "GetBlob",
        json!([id, format!("sha256:{}", base.hex), base.bytes.len()]),
    )?;
    let pipe = left.json["pipeid"].clone();
    drop(left);
    let finished = proxy.call("FinishPipe", json!([pipe]))?;
    ensure!(finished.json["error_code"] == "EPIPE", "{}", finished.json);
    proxy.refused("FinishPipe", json!([pipe]), "no active pipe")?;
    proxy.refused("GetManifest", json!([0]), "zero")?;
    proxy.refused("GetManifest", json!([99]), "no image 99")?;
    proxy.refused("Dance", json!([]), "unknown method: Dance")?;
    proxy.shut_down()
}

pub(crate) fn the_policy_is_asked_for_what_is_served() -> Result<()> {
    let stack = Stack::new()?;
    stack
        .scratch
        .write("reject.json", r#"{"default": [{"type": "reject"}]}"#)?;
    let proxy = Proxy::start(stack.rskopeo("--policy reject.json experimental-image-proxy"))?;
    proxy.ok("Initialize", json!([]))?;
    proxy.refused(
        "OpenImage",
        json!([stack.remote("fedora:24")]),
        "rejected by policy",
    )?;
    proxy.shut_down()?;
    // In schema 2 a client sees OCI all the same.
    stack
        .rskopeo(&format!(
            "copy --format v2s2 {} dir:docker",
            stack.remote("fedora:24")
        ))
        .ok()?;
    let proxy = start(&stack)?;
    proxy.ok("Initialize", json!([]))?;
    let id = proxy.ok("OpenImage", json!(["dir:docker"]))?.json["value"].clone();
    let (digest, manifest) = proxy.read("GetManifest", json!([id]))?;
    let served = std::fs::read(stack.scratch.path(Path::new("docker/manifest.json")))?;
    ensure!(digest == format!("sha256:{}", hex(&served)), "{digest}");
    let manifest: Value = serde_json::from_slice(&manifest)?;
    ensure!(
        manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json",
        "{manifest}"
    );
    let (_, config) = proxy.read("GetFullConfig", json!([id]))?;
    ensure!(
        manifest["config"]["digest"] == format!("sha256:{}", hex(&config)),
        "{manifest}"
    );
    proxy.shut_down()
}
