//! Registries that do not let everyone in.

use std::net::TcpStream;

use nix::sys::signal::Signal;
use tests::command::Cmd;
use tests::network::free_port;
use tests::registry::Access;
use tests::stack::Parts;
use tests::{Result, Stack, ensure, peer, until};

pub(crate) fn tls_needs_the_authority() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::Tls)?;
    let (alpine, address) = (stack.remote("alpine:latest"), &stack.registry.address);
    let refused = stack.rskopeo(&format!("inspect {alpine}")).run()?;
    ensure!(
        refused.code != 0,
        "an unknown authority was trusted\n{refused}"
    );
    refused.complains("x509: certificate signed by unknown authority")?;
    let certificates = stack.registry.certificates.display();
    stack
        .rskopeo(&format!("inspect --cert-dir {certificates} {alpine}"))
        .ok()?
        .says("sha256:")?;
    stack
        .rskopeo(&format!(
            "copy --src-cert-dir {certificates} {alpine} dir:by-authority"
        ))
        .ok()?;
    stack
        .rskopeo(&format!("inspect --tls-verify=false {alpine}"))
        .ok()?
        .says("sha256:")?;
    stack
        .rpod(&format!("pull --cert-dir {certificates} {address}/alpine"))
        .ok()?;
    Ok(())
}

pub(crate) fn what_of_tls_may_be_used_is_chosen() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::Tls)?;
    let certificates = stack.registry.certificates.display();
    let inspect = |file: &str, address: &str| {
        stack.rskopeo(&format!(
            "--tls-details {file} inspect --cert-dir {certificates} docker://{address}/alpine"
        ))
    };
    let address = &stack.registry.address;
    stack.scratch.write(
        "new.yaml",
        "minVersion: '1.3'\nnamedGroups: [X25519MLKEM768, secp384r1]\n",
    )?;
    inspect("new.yaml", address).ok()?.says("sha256:")?;
    for (text, told) in [
        ("namedGroups: [X25519MLKEM768]", "none of the named groups"),
        ("minVersion: '2'", "unrecognized TLS minimum version"),
        ("ciphers: []", "unknown field `ciphers`"),
    ] {
        stack.scratch.write("bad.yaml", text)?;
        inspect("bad.yaml", address).exits(1)?.complains(told)?;
    }

    // A server that speaks nothing newer than 1.2.
    let free = format!("127.0.0.1:{}", free_port()?);
    let scratch = stack.scratch.path("");
    Cmd::new(peer("openssl")?)
        .dir(&scratch)
        .words("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout old.key -out old.crt -days 2 -subj /CN=old")
        .ok()?;
    let old = Cmd::new(peer("openssl")?)
        .through("timeout", &["60"])
        .dir(&scratch)
        .words(&format!(
            "s_server -tls1_2 -quiet -www -cert old.crt -key old.key -accept {free}"
        ))
        .start()?;
    until("the server listens", || {
        Ok(TcpStream::connect(&free).is_ok())
    })?;
    let refused = inspect("new.yaml", &free).exits(1)?;
    refused.complains("ProtocolVersion")?;
    stack.scratch.write("any.yaml", "{}\n")?;
    let spoken = inspect("any.yaml", &free).exits(1)?;
    ensure!(!spoken.stderr.contains("ProtocolVersion"), "{spoken}");
    old.signal(Signal::SIGTERM)?;
    Ok(())
}

pub(crate) fn plain_http_is_refused_by_default() -> Result<()> {
    let stack = Stack::new()?;
    stack.scratch.write("registries.conf", "")?;
    let alpine = stack.remote("alpine:latest");
    let refused = stack.rskopeo(&format!("inspect {alpine}")).run()?;
    ensure!(
        refused.code != 0,
        "plain HTTP was spoken unasked\n{refused}"
    );
    stack
        .rskopeo(&format!("inspect --tls-verify=false {alpine}"))
        .ok()?;
    Ok(())
}

pub(crate) fn a_certificate_that_signed_itself_is_trusted_as_itself() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::SelfSigned)?;
    let alpine = stack.remote("alpine:latest");
    let inspect = format!("inspect {alpine}");
    stack.rskopeo(&inspect).exits(1)?.complains("certificate")?;
    let trusting = format!(
        "inspect --cert-dir {} {alpine}",
        stack.registry.certificates.display()
    );
    stack.rskopeo(&trusting).ok()?;
    // It is trusted for the names that are in it, and no others.
    let by_name = trusting.replace("127.0.0.1", "localhost");
    stack.rskopeo(&by_name).exits(1)?.complains("certificate")?;
    Ok(())
}

pub(crate) fn a_proxy_is_gone_through() -> Result<()> {
    proxied("http", "GET http://registry.invalid/v2/")
}

pub(crate) fn a_socks_proxy_is_gone_through() -> Result<()> {
    proxied("socks5", "SOCKS registry.invalid")
}

/// `expected` is what the proxy is asked for.
fn proxied(scheme: &str, expected: &str) -> Result<()> {
    let stack = Stack::new()?;
    let (proxy, asked) = tests::unruly::proxy(&stack.registry.address)?;
    // A name that only the proxy knows.
    let inspect = "inspect --tls-verify=false docker://registry.invalid/alpine:latest";
    let through = |line: &str| {
        let cmd = stack
            .rskopeo(line)
            .env("HTTP_PROXY", format!("{scheme}://{proxy}"));
        cmd.env("HTTPS_PROXY", "")
    };
    through(inspect).ok()?.says("sha256:")?;
    let connects = asked.lock().map(|asked| asked.clone()).unwrap_or_default();
    ensure!(
        connects.iter().all(|line| line.starts_with(expected)),
        "{connects:?}"
    );
    ensure!(!connects.is_empty(), "the proxy was not asked");
    through(inspect).env("NO_PROXY", ".invalid").exits(1)?;
    let nobody = format!("127.0.0.1:{}", free_port()?);
    through(inspect)
        .env("HTTP_PROXY", format!("{scheme}://{nobody}"))
        .exits(1)?
        .complains(format!("through the proxy {nobody}: "))?;
    // What is on this host is never asked for through a proxy.
    let before = connects.len();
    through(&format!("inspect {}", stack.remote("alpine:latest"))).ok()?;
    let after = asked.lock().map(|asked| asked.len()).unwrap_or_default();
    ensure!(after == before, "the proxy was asked for this host");
    if scheme == "http" {
        an_upload_goes_through(&stack, &proxy)?;
    }
    Ok(())
}

/// Bodies follow their heads, and the proxy learns who asks. Of HTTPS it makes a tunnel.
fn an_upload_goes_through(stack: &Stack, proxy: &str) -> Result<()> {
    let copy = format!(
        "copy --dest-tls-verify=false {} docker://registry.invalid/new:1",
        stack.remote("fedora:24")
    );
    let named = format!("http://me:secret@{proxy}");
    let cmd = stack.rskopeo(&copy).env("HTTP_PROXY", &named);
    cmd.env("HTTPS_PROXY", "").ok()?;
    let inspect = format!("inspect {}", stack.remote("new:1"));
    stack.rskopeo(&inspect).ok()?;
    let secure = Stack::of(Parts::ours()?, Access::Tls)?;
    let (proxy, asked) = tests::unruly::proxy(&secure.registry.address)?;
    let told = || {
        asked
            .lock()
            .map(|asked| asked.join("\n"))
            .unwrap_or_default()
    };
    let inspect = "inspect --tls-verify=false docker://registry.invalid/alpine:latest";
    let cmd = secure
        .rskopeo(inspect)
        .env("HTTPS_PROXY", format!("http://me:secret@{proxy}"));
    cmd.env("HTTP_PROXY", "").ok()?;
    ensure!(
        told().starts_with("CONNECT registry.invalid:443 "),
        "{}",
        told()
    );
    // base64 of me:secret
    ensure!(told().contains("Basic bWU6c2VjcmV0"), "{}", told());
    Ok(())
}

pub(crate) fn an_image_that_is_not_there_is_exit_code_2() -> Result<()> {
    let stack = Stack::new()?;
    let unknown = stack.remote("alpine:none");
    for line in [
        format!("inspect {unknown}"),
        format!("copy {unknown} dir:x"),
    ] {
        stack
            .rskopeo(&line)
            .exits(2)?
            .complains("manifest unknown")?;
    }
    let alpine = stack.remote("alpine:latest");
    stack
        .rskopeo(&format!("copy {alpine} oci:layout:here"))
        .ok()?;
    stack
        .rskopeo("inspect oci:layout:there")
        .exits(2)?
        .complains("no descriptor found")?;
    Ok(())
}
