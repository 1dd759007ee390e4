//! Registries that do not let everyone in.

use std::net::TcpStream;

use nix::sys::signal::Signal;
use tests::command::Cmd;
use tests::registry::{Access, PASSWORD, USER};
use tests::stack::Parts;
use tests::{Result, Stack, ensure, peer, until};

use crate::rootless::free_port;

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

pub(crate) fn a_password_is_asked_for() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::TlsAndPassword)?;
    let (alpine, address) = (stack.remote("alpine:latest"), &stack.registry.address);
    let refused = stack
        .rskopeo(&format!("inspect --tls-verify=false {alpine}"))
        .run()?;
    ensure!(refused.code != 0, "{refused}");
    refused.complains("authentication required")?;
    let wrong = stack
        .rskopeo(&format!(
            "inspect --tls-verify=false --creds {USER}:wrong {alpine}"
        ))
        .run()?;
    ensure!(wrong.code != 0, "{wrong}");
    stack
        .rskopeo(&format!(
            "inspect --tls-verify=false --creds {USER}:{PASSWORD} {alpine}"
        ))
        .ok()?;
    stack
        .rskopeo(&format!(
            "copy --src-tls-verify=false --src-creds {USER}:{PASSWORD} {alpine} dir:by-password"
        ))
        .ok()?;
    stack
        .rpod(&format!(
            "pull --tls-verify=false --creds {USER}:{PASSWORD} {address}/alpine"
        ))
        .ok()?;

    // base64 of USER:PASSWORD, as `login` writes it.
    let auth = format!(
        "{{\"auths\": {{\"{}\": {{\"auth\": \"dGVzdHVzZXI6dGVzdHBhc3N3b3Jk\"}}}}}}",
        stack.registry.address
    );
    stack.scratch.write("auth.json", auth)?;
    stack
        .rskopeo(&format!("inspect --tls-verify=false {alpine}"))
        .ok()?
        .says("sha256:")?;
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

pub(crate) fn logins_are_kept_and_forgotten() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::TlsAndPassword)?;
    let (alpine, address) = (stack.remote("alpine:latest"), &stack.registry.address);
    let certificates = stack.registry.certificates.display();
    let file = "--authfile kept.json";
    let login = format!("login --cert-dir {certificates} {file}");
    stack
        .rskopeo(&format!("{login} -u {USER} -p wrong {address}"))
        .exits(1)?
        .complains("invalid username/password")?;
    stack
        .rskopeo(&format!(
            "{login} --verbose -u {USER} --password-stdin {address}"
        ))
        .stdin(format!("{PASSWORD}\n"))
        .ok()?
        .says("Login Succeeded!")?
        .says("Used:")?;
    stack
        .rskopeo(&format!("login --get-login {file} {address}"))
        .ok()?
        .is(USER)?;
    stack
        .rskopeo(&format!("{login} {address}"))
        .ok()?
        .says("Already logged in")?;
    let inspect = format!("inspect --cert-dir {certificates} {file} {alpine}");
    stack.rskopeo(&inspect).ok()?;
    stack
        .rskopeo(&format!("logout {file} {address}"))
        .ok()?
        .says("Removed login credentials")?;
    stack
        .rskopeo(&inspect)
        .exits(1)?
        .complains("authentication required")?;
    stack
        .rskopeo(&format!("logout {file} {address}"))
        .exits(1)?
        .complains(format!("not logged into {address}"))?;
    stack
        .rskopeo(&format!("login --get-login {file} {address}"))
        .exits(1)?
        .complains(format!("not logged into {address}"))?;
    Ok(())
}

pub(crate) fn logins_in_dockers_form() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::TlsAndPassword)?;
    let address = &stack.registry.address;
    let certificates = stack.registry.certificates.display();
    stack.scratch.write(
        "docker.json",
        r#"{"credsStore":"","auths":{"a.io":{}},"psFormat":"x"}"#,
    )?;
    let login = format!(
        "login --cert-dir {certificates} --compat-auth-file docker.json -u {USER} -p {PASSWORD}"
    );
    let cmd = |line: &str| stack.rskopeo(line).without("REGISTRY_AUTH_FILE");
    cmd(&format!("{login} {address}")).ok()?;
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(stack.scratch.path("docker.json"))?)?;
    ensure!(
        kept["psFormat"] == "x" && kept["auths"][address]["auth"].is_string(),
        "{kept}"
    );
    cmd(&format!("{login} {address}/team"))
        .exits(1)?
        .complains("Docker-compatible")?;
    cmd(&format!("{login} --authfile x.json {address}"))
        .exits(1)?
        .complains("can not be set simultaneously")?;
    // What the environment names is for whoever names nothing.
    stack
        .rskopeo("logout --compat-auth-file docker.json --all")
        .env("REGISTRY_AUTH_FILE", "none.json")
        .ok()?;
    stack
        .rskopeo("logout --compat-auth-file none.json --all")
        .exits(1)?
        .complains("credential file is not accessible: faccessat none.json")?;
    Ok(())
}

/// A credential helper that keeps what it is told in the directory `kept`, a file a server.
const HELPER: &str = r#"#!/bin/sh
cd "$(dirname "$0")/kept" || exit 1
case $1 in
store) cat >new; mv new "$(sed 's/.*"ServerURL":"\([^"]*\)".*/\1/' new)" ;;
get) read -r server; cat "$server" 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
erase) read -r server; rm "$server" 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
list) printf '{'; for server in *; do [ -e "$server" ] && printf '"%s":"u"' "$server"; done; printf '}' ;;
esac
"#;

/// registries.conf names who keeps credentials; skopeo finds there what rskopeo kept, and the other way round.
pub(crate) fn logins_go_to_the_configured_helpers() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::TlsAndPassword)?;
    let (alpine, address) = (stack.remote("alpine:latest"), &stack.registry.address);
    let certificates = stack.registry.certificates.display();
    std::fs::create_dir(stack.scratch.path("kept"))?;
    stack.scratch.program("docker-credential-kept", HELPER)?;
    stack.scratch.write(
        "registries.conf",
        "credential-helpers = [\"kept\", \"containers-auth.json\"]\n",
    )?;
    let ours = |line: &str| stack.rskopeo(line).programs(stack.scratch.path(""));
    let theirs = |line: &str| {
        let conf = format!("--registries-conf registries.conf {line}");
        Cmd::new("skopeo")
            .dir(stack.scratch.path(""))
            .env("REGISTRY_AUTH_FILE", stack.scratch.path("auth.json"))
            .programs(stack.scratch.path(""))
            .words(&conf)
    };
    let login = format!("login --cert-dir {certificates} -v -u {USER} -p {PASSWORD} {address}");
    let inspect = format!("inspect --cert-dir {certificates} {alpine}");
    ours(&login).ok()?.says("Used:  credential helper: kept")?;
    ensure!(
        stack.scratch.path(format!("kept/{address}")).exists(),
        "the helper keeps nothing"
    );
    for cmd in [ours(&inspect), theirs(&inspect)] {
        cmd.ok()?;
    }
    ours(&format!("login --get-login {address}"))
        .ok()?
        .is(USER)?;
    ours(&format!("logout {address}"))
        .ok()?
        .says("Removed login credentials")?;
    ours(&inspect)
        .exits(1)?
        .complains("authentication required")?;
    ours(&format!("logout {address}"))
        .exits(1)?
        .complains("not logged into")?;

    theirs(&login).ok()?;
    ours(&inspect).ok()?;
    ours("logout --all").ok()?;
    ours(&inspect)
        .exits(1)?
        .complains("authentication required")?;

    // What is for one repository no helper keeps: it goes to the next, which is the file.
    ours(&login.replace(address, &format!("{address}/alpine")))
        .ok()?
        .says("auth.json")?;
    ours(&inspect).ok()?;
    stack.scratch.write("auth.json", "{}")?;

    // One that is not there is an error only if nobody else knows.
    let conf = |helpers: &str| {
        stack.scratch.write(
            "registries.conf",
            format!("credential-helpers = {helpers}\n"),
        )
    };
    conf("['rskopeo-has-none', 'kept']")?;
    for refused in [&inspect, &login] {
        ours(refused)
            .exits(1)?
            .complains("docker-credential-rskopeo-has-none")?;
    }
    conf("['kept']")?;
    ours(&login).ok()?;
    conf("['rskopeo-has-none', 'kept']")?;
    ours(&inspect).ok()?;
    Ok(())
}

/// Docker's `credsStore` keeps what no `credHelpers` is for; a helper is judged by its answer, whatever it has read.
pub(crate) fn logins_go_to_dockers_store() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::TlsAndPassword)?;
    let (alpine, address) = (stack.remote("alpine:latest"), &stack.registry.address);
    let certificates = stack.registry.certificates.display();
    let kept = stack.scratch.path(format!("kept/{address}"));
    std::fs::create_dir(stack.scratch.path("kept"))?;
    stack.scratch.program("docker-credential-kept", HELPER)?;
    let ours = |line: &str| stack.rskopeo(line).programs(stack.scratch.path(""));
    let login = format!("login --cert-dir {certificates} -v -u {USER} -p {PASSWORD} {address}");
    let inspect = format!("inspect --cert-dir {certificates} {alpine}");
    for logout in [format!("logout {address}"), "logout --all".to_owned()] {
        stack
            .scratch
            .write("auth.json", r#"{"credsStore":"kept","auths":{}}"#)?;
        ours(&login).ok()?.says("Used:  credential helper: kept")?;
        ensure!(kept.exists(), "the helper keeps nothing");
        ours(&inspect).ok()?;
        ours(&logout).ok()?;
        ensure!(!kept.exists(), "{logout}: the helper keeps it still");
        ours(&inspect)
            .exits(1)?
            .complains("authentication required")?;
    }
    let answer =
        format!("#!/bin/sh\necho '{{\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n");
    stack.scratch.program("docker-credential-deaf", answer)?;
    stack.scratch.write(
        "auth.json",
        format!(r#"{{"credHelpers":{{"{address}":"deaf"}}}}"#),
    )?;
    ours(&inspect).ok()?;
    stack
        .scratch
        .program("docker-credential-deaf", "#!/bin/sh\necho no answer\n")?;
    ours(&inspect)
        .exits(1)?
        .complains("getting username and password: ")?
        .complains("parsing the answer of docker-credential-deaf")?;
    Ok(())
}

/// Registries without tokens are shown what a login with an identity token has left besides.
pub(crate) fn an_identity_token_is_no_obstacle() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::TlsAndPassword)?;
    let auth = format!(
        r#"{{"auths": {{"{}": {{"auth": "dGVzdHVzZXI6dGVzdHBhc3N3b3Jk", "identitytoken": "x"}}}}}}"#,
        stack.registry.address
    );
    stack.scratch.write("auth.json", auth)?;
    let alpine = stack.remote("alpine:latest");
    let inspect = format!("inspect --tls-verify=false {alpine}");
    stack.rskopeo(&inspect).ok()?;
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
