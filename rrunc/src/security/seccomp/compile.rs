//! From ranges to classic BPF: a jump on the architecture, then a binary search over its ranges.
//!
//! The program is built from its end towards its start, because classic BPF jumps only forward: a
//! target always exists before the jump to it, and its distance is known. Only instructions that
//! the kernel's constant-action analysis understands choose between unconditional verdicts, so calls
//! that are always allowed skip the filter altogether (Linux 5.11).

use super::Error;
use super::arch::Abi;
use super::profile::{Action, Profile};
use super::rules::{Comparison, Condition, Rule, Verdict, ranges};
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET,
    BPF_W, sock_filter,
};
use std::collections::HashMap;

/// Offsets into `struct seccomp_data`.
const NR: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

/// Longest distance a conditional jump can carry.
const REACH: usize = u8::MAX as usize;

pub(super) fn compile(profile: &Profile, abis: &[Abi]) -> Result<Vec<sock_filter>, Error> {
    let default = Action::parse(&profile.default_action, profile.default_errno_ret)?;
    let mut tokens = Vec::new();
    for abi in abis {
        if !tokens.contains(&abi.audit()) {
            tokens.push(abi.audit());
        }
    }
    let mut code = Code::new(default);
    let mut blocks = Vec::new();
    for &token in tokens.iter().rev() {
        let sharing: Vec<Abi> = abis
            .iter()
            .copied()
            .filter(|abi| abi.audit() == token)
            .collect();
        let search = code.search(&ranges(profile, &sharing)?);
        code.fall_to(search);
        blocks.push((token, code.load(NR)));
    }
    let mut entry = code.leave(Action::KILL_THREAD);
    for (token, block) in blocks {
        entry = code.test(BPF_JEQ, token, block, entry);
    }
    code.fall_to(entry);
    code.load(ARCH);
    code.finish()
}

/// A place in the program, counted from its end.
type Label = usize;

struct Code {
    /// Last instruction first.
    reversed: Vec<sock_filter>,
    default: Action,
    /// The most recent place that returns an action.
    returns: HashMap<Action, Label>,
    /// The most recent place that decides a set of rules.
    decided: HashMap<Verdict, Label>,
}

impl Code {
    fn new(default: Action) -> Self {
        Code {
            reversed: Vec::new(),
            default,
            returns: HashMap::new(),
            decided: HashMap::new(),
        }
    }

    fn push(&mut self, code: u32, jt: u8, jf: u8, k: u32) -> Label {
        self.reversed.push(sock_filter {
            code: code as u16,
            jt,
            jf,
            k,
        });
        self.reversed.len() - 1
    }

    fn load(&mut self, offset: u32) -> Label {
        self.push(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset)
    }

    fn distance(&self, target: Label) -> usize {
        self.reversed.len() - 1 - target
    }

    /// A place within reach that returns the action.
    fn leave(&mut self, action: Action) -> Label {
        match self.returns.get(&action) {
            Some(&label) if self.distance(label) < REACH - 4 => label,
            _ => {
                let label = self.push(BPF_RET | BPF_K, 0, 0, action.0);
                self.returns.insert(action, label);
                label
            }
        }
    }

    /// `if A op k goto yes else goto no`, with a bridge for a target that is too far.
    fn test(&mut self, op: u32, k: u32, yes: Label, no: Label) -> Label {
        let yes = self.bridge(yes);
        let no = self.bridge(no);
        let (jt, jf) = (self.distance(yes) as u8, self.distance(no) as u8);
        self.push(BPF_JMP | op | BPF_K, jt, jf, k)
    }

    /// The target itself, or a jump to it that a conditional jump placed next or next but one reaches.
    fn bridge(&mut self, target: Label) -> Label {
        let distance = self.distance(target);
        if distance < REACH {
            return target;
        }
        let same = self.reversed[target];
        if u32::from(same.code) == BPF_RET | BPF_K {
            return self.leave(Action(same.k));
        }
        self.push(BPF_JMP | BPF_JA, 0, 0, distance as u32)
    }

    /// Makes the target what the next instruction falls through to.
    fn fall_to(&mut self, target: Label) {
        let distance = self.distance(target);
        if distance > 0 {
            self.push(BPF_JMP | BPF_JA, 0, 0, distance as u32);
        }
    }

    /// Binary search for A among the ranges.
    fn search(&mut self, ranges: &[(u32, Verdict)]) -> Label {
        match ranges {
            [(_, verdict)] => self.verdict(verdict),
            // One number with a verdict of its own inside a range: a single comparison tells it.
            [(_, around), (nr, single), (end, after)] if around == after && *end == nr + 1 => {
                let no = self.verdict(around);
                let yes = self.verdict(single);
                self.test(BPF_JEQ, *nr, yes, no)
            }
            _ => {
                let (low, high) = ranges.split_at(ranges.len() / 2);
                let at_least = self.search(high);
                let below = self.search(low);
                self.test(BPF_JGE, high[0].0, at_least, below)
            }
        }
    }

    fn verdict(&mut self, verdict: &Verdict) -> Label {
        match verdict {
            Verdict::Always(action) => self.leave(*action),
            Verdict::First { rules, wide } => {
                if let Some(&label) = self.decided.get(verdict) {
                    return label;
                }
                let mut otherwise = self.leave(self.default);
                for rule in rules.iter().rev() {
                    otherwise = self.rule(rule, *wide, otherwise);
                }
                self.decided.insert(verdict.clone(), otherwise);
                otherwise
            }
        }
    }

    fn rule(&mut self, rule: &Rule, wide: bool, otherwise: Label) -> Label {
        let mut then = self.leave(rule.action);
        for condition in rule.conditions.iter().rev() {
            then = self.condition(condition, wide, then, otherwise);
        }
        then
    }

    fn condition(&mut self, c: &Condition, wide: bool, then: Label, otherwise: Label) -> Label {
        let (yes, no) = if c.negated {
            (otherwise, then)
        } else {
            (then, otherwise)
        };
        let offset = ARGS + 8 * u32::from(c.index);
        // seccomp_data is in the machine's byte order; both supported machines are little-endian.
        let (low_at, high_at) = (offset, offset + 4);
        let (low, high) = (c.value as u32, (c.value >> 32) as u32);
        match c.comparison {
            Comparison::MaskedEq { mask } => {
                let then = self.masked(low_at, mask as u32, low, yes, no);
                if wide {
                    self.masked(high_at, (mask >> 32) as u32, high, then, no)
                } else {
                    then
                }
            }
            Comparison::Greater | Comparison::GreaterEq => {
                let op = if c.comparison == Comparison::Greater {
                    BPF_JGT
                } else {
                    BPF_JGE
                };
                self.test(op, low, yes, no);
                let low_word = self.load(low_at);
                if !wide {
                    return low_word;
                }
                let tie = self.test(BPF_JEQ, high, low_word, no);
                self.test(BPF_JGT, high, yes, tie);
                self.load(high_at)
            }
        }
    }

    /// `if (word & mask) == value goto yes else goto no`; an empty mask always holds.
    fn masked(&mut self, offset: u32, mask: u32, value: u32, yes: Label, no: Label) -> Label {
        if mask == 0 {
            return yes;
        }
        let test = self.test(BPF_JEQ, value, yes, no);
        if mask == u32::MAX {
            debug_assert_eq!(test + 1, self.reversed.len());
        } else {
            self.push(BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
        }
        self.load(offset)
    }

    fn finish(mut self) -> Result<Vec<sock_filter>, Error> {
        self.reversed.reverse();
        match self.reversed.len() {
            len if len > libc::BPF_MAXINSNS as usize => Err(Error::TooLong(len)),
            _ => Ok(self.reversed),
        }
    }
}
