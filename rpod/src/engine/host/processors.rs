//! How busy the processors have been since the host was started: /proc/stat.

use serde_json::{Value, json};

/// Parts of a hundred, or zeros where the kernel does not tell.
pub(super) fn utilization() -> Value {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let (user, system, idle) = parse(&text).unwrap_or_default();
    json!({ "userPercent": user, "systemPercent": system, "idlePercent": idle })
}

fn parse(text: &str) -> Option<(f64, f64, f64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks = line.split_ascii_whitespace().map(str::parse::<u64>);
    let ticks: Vec<u64> = ticks.collect::<Result<_, _>>().ok()?;
    let [user, nice, system, idle, ..] = ticks[..] else {
        return None;
    };
    // Time of guests is told within the user's.
    let total: u64 = ticks.iter().take(8).sum();
    let percent = |part: u64| (part as f64 * 10_000.0 / total.max(1) as f64).round() / 100.0;
    Some((percent(user + nice), percent(system), percent(idle)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_time() {
        let told = parse("cpu  10 10 20 50 5 3 2 0 99 99\ncpu0 1 2 3 4\n");
        assert_eq!(told, Some((20.0, 20.0, 50.0)));
        assert_eq!(parse("cpu x"), None);
    }
}
