//! Options on how a copy goes about it, and what is seen of it meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tests::network::free_port;
use tests::{Asked, Cmd, Fault, Result, Stack, Terminal, Unruly, bail, ensure};

/// A registry that a fault stands before.
fn before(
    stack: &Stack,
    fault: impl Fn(&Asked, usize) -> Option<Fault> + Send + Sync + 'static,
) -> Result<Unruly> {
    Unruly::before(&stack.registry.address, fault)
}

fn copy(stack: &Stack, options: &str, from: &Unruly) -> Cmd {
    let from = format!("docker://{}/fedora:24", from.address);
    stack.rskopeo(&format!(
        "copy --src-tls-verify=false {options} {from} oci:layout:24"
    ))
}

/// A registry that answers so many questions after a manifest with `status`; the number is set anew for each copy.
fn failing(stack: &Stack, status: u16) -> Result<(Unruly, Arc<AtomicUsize>)> {
    let failures = Arc::new(AtomicUsize::new(0));
    let left = failures.clone();
    let unruly = before(stack, move |asked, _| {
        let one_less = |n: usize| n.checked_sub(1);
        let (relaxed, is_manifest) = (Ordering::Relaxed, asked.is("GET", "/manifests/"));
        let fails = is_manifest && left.fetch_update(relaxed, relaxed, one_less).is_ok();
        fails.then(|| Fault::Answer(status, Vec::new(), String::new()))
    })?;
    Ok((unruly, failures))
}

pub(crate) fn a_copy_is_tried_again_as_often_as_asked() -> Result<()> {
    let stack = Stack::new()?;
    // What is refused for good would be refused again.
    let (refusing, failures) = failing(&stack, 403)?;
    failures.store(1, Ordering::Relaxed);
    copy(&stack, "--retry-times 3 --retry-delay 10ms", &refusing)
        .exits(1)?
        .hides("retrying")?;

    // A request is sent three times before the whole is tried again.
    let (broken, failures) = failing(&stack, 500)?;
    failures.store(3, Ordering::Relaxed);
    copy(&stack, "", &broken).exits(1)?.hides("retrying")?;
    failures.store(3, Ordering::Relaxed);
    copy(&stack, "--retry-times 1 --retry-delay 10ms", &broken)
        .ok()?
        .complains("retrying in 10ms ... (1/1)")?;
    // Where nobody listens yet, and both schemes are tried.
    let nobody = format!("127.0.0.1:{}", free_port()?);
    let copy = format!(
        "copy --retry-times 1 --retry-delay 10ms --src-tls-verify=false docker://{nobody}/x dir:x"
    );
    stack
        .rskopeo(&copy)
        .exits(1)?
        .complains("Failed, retrying in 10ms ... (1/1). Error: initializing source")?
        .complains("connection refused")?;
    Ok(())
}

pub(crate) fn a_command_ends_when_its_time_is_over() -> Result<()> {
    let stack = Stack::new()?;
    let unruly = before(&stack, |asked, _| {
        let is_blob = asked.is("GET", "/blobs/");
        is_blob.then_some(Fault::Slow(100, Duration::from_secs(1)))
    })?;
    let from = format!("docker://{}/fedora:24", unruly.address);
    let begun = Instant::now();
    stack
        .rskopeo(&format!(
            "--command-timeout 300ms copy --src-tls-verify=false {from} oci:layout:24"
        ))
        .exits(1)?
        .complains("context deadline exceeded")?;
    ensure!(begun.elapsed() < Duration::from_secs(20));
    stack.rskopeo("inspect oci:layout:24").exits(1)?;
    Ok(())
}

pub(crate) fn a_registry_is_told_who_asks() -> Result<()> {
    let stack = Stack::new()?;
    let unruly = before(&stack, |_, _| None)?;
    let image = format!("docker://{}/alpine:latest", unruly.address);
    let inspect = format!("inspect --tls-verify=false {image}");
    stack.rskopeo(&inspect).ok()?;
    stack
        .rskopeo(&format!("--user-agent-prefix builder/7 {inspect}"))
        .ok()?;
    let agents: Vec<String> = unruly
        .asked()
        .iter()
        .filter_map(|asked| asked.header("User-Agent").map(str::to_owned))
        .collect();
    let prefixed = |agent: &String| agent.starts_with("builder/7 rskopeo/");
    let plain = |agent: &String| agent.starts_with("rskopeo/");
    ensure!(
        agents.first().is_some_and(plain) && agents.last().is_some_and(prefixed),
        "{agents:?}"
    );
    ensure!(
        agents.iter().all(|agent| plain(agent) || prefixed(agent)),
        "{agents:?}"
    );
    Ok(())
}

/// The first layer takes a while, for which the others wait or do not.
pub(crate) fn blobs_come_one_by_one_if_asked() -> Result<()> {
    const WHILE: Duration = Duration::from_millis(800);
    let stack = Stack::new()?;
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let log = times.clone();
    let unruly = before(&stack, move |asked, _| {
        if !asked.is("GET", "/blobs/") {
            return None;
        }
        let mut times = log.lock().unwrap_or_else(PoisonError::into_inner);
        times.push(Instant::now());
        Some(Fault::Slow(80_000, Duration::from_millis(100)))
    })?;
    let waited = |options: &str| -> Result<Duration> {
        let all = || times.lock().unwrap_or_else(PoisonError::into_inner);
        all().clear();
        copy(&stack, options, &unruly).ok()?;
        stack.rskopeo("delete oci:layout:24").ok()?;
        // The configuration comes before the layers.
        let [_, first, second, ..] = all()[..] else {
            bail!("fewer than three blobs");
        };
        Ok(second - first)
    };
    let one = waited("--image-parallel-copies 1")?;
    ensure!(one >= WHILE, "{one:?} apart");
    let many = waited("")?;
    ensure!(many < WHILE, "{many:?} apart");
    Ok(())
}

pub(crate) fn a_terminal_shows_how_far_it_is() -> Result<()> {
    let stack = Stack::new()?;
    let unruly = before(&stack, |asked, _| {
        let is_blob = asked.is("GET", "/blobs/");
        is_blob.then_some(Fault::Slow(200_000, Duration::from_millis(150)))
    })?;
    let mut screen = Terminal::start(copy(&stack, "", &unruly))?;
    screen.expect("Copying blob ")?;
    screen.expect(" [")?;
    screen.expect("=>")?;
    screen.expect("/s")?;
    screen.expect("done")?;
    screen.expect("Writing manifest")?;
    let code = screen.wait()?;
    ensure!(code == 0, "exit code {code}");
    // Nothing new: every blob is there.
    let mut again = Terminal::start(copy(&stack, "", &unruly))?;
    again.expect("skipped: already exists")?;
    ensure!(again.wait()? == 0);
    // The registry has them in another of its repositories.
    let within = format!(
        "copy {} {}",
        stack.remote("fedora:24"),
        stack.remote("elsewhere/fedora:24")
    );
    let mut mounting = Terminal::start(stack.rskopeo(&within))?;
    mounting.expect("mounted")?;
    ensure!(mounting.wait()? == 0);
    // Nothing at all.
    let mut quiet = Terminal::start(copy(&stack, "--quiet", &unruly))?;
    ensure!(quiet.expect("Copying").is_err(), "it is not quiet");
    Ok(())
}
