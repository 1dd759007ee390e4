//! One step for each of many things, by as many threads as there are processors to run them.

use std::num::NonZero;
use std::thread;

/// A thread pays for its start from about so many records on.
const WORTH_A_THREAD: usize = 64;

/// What the step makes of each, in the order in which they are given. A few are done by the caller alone.
pub fn map<T: Send, R: Send>(things: Vec<T>, step: impl Fn(T) -> R + Sync) -> Vec<R> {
    let worth = things.len() / WORTH_A_THREAD;
    if worth < 2 {
        return things.into_iter().map(step).collect();
    }
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let share = things.len().div_ceil(processors.min(worth));
    let mut rest = things;
    let mut done = Vec::with_capacity(rest.len());
    thread::scope(|scope| {
        let mut others = Vec::new();
        while rest.len() > share {
            let last = rest.split_off((rest.len() - 1) / share * share);
            others.push(scope.spawn(|| last.into_iter().map(&step).collect::<Vec<R>>()));
        }
        done.extend(rest.into_iter().map(&step));
        for other in others.into_iter().rev() {
            match other.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_however_many_they_are() {
        for count in [0, 1, 64, 127, 128, 129, 1000, 1001] {
            let doubled = map((0..count).collect(), |n: usize| n * 2);
            assert_eq!(doubled, (0..count).map(|n| n * 2).collect::<Vec<_>>());
        }
    }
}
