//! Logins: passwords that are asked for, and where they are kept: containers-auth.json(5), Docker's own form, credential helpers.

use tests::command::Cmd;
use tests::registry::{Access, PASSWORD, USER};
use tests::stack::Parts;
use tests::{Result, Stack, ensure};

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
