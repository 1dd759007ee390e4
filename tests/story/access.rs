//! Registries that do not let everyone in.

use tests::registry::{Access, PASSWORD, USER};
use tests::stack::Parts;
use tests::{Result, Stack, ensure};

pub(crate) fn tls_needs_the_authority() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, Access::Tls)?;
    let (alpine, address) = (stack.remote("alpine:latest"), &stack.registry.address);
    let refused = stack.rskopeo(&format!("inspect {alpine}")).run()?;
    ensure!(
        refused.code != 0,
        "an unknown authority was trusted\n{refused}"
    );
    refused.complains("certificate")?;
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
