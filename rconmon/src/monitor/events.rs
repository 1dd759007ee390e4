//! One wait, and what is done about each thing that it brings.

use std::time::Instant;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::watch::{Monitor, QUIET};
use crate::attach::{Attach, Policy};
use crate::console;
use crate::control::Command;
use crate::oom;
use crate::poll::{READ, Ready, Token, WRITE};
use crate::streams::Stream;

impl Monitor<'_> {
    /// One wait and all that it brings.
    pub(super) fn turn(&mut self, reading: bool, deadline: Option<Instant>) -> Result<()> {
        self.poller.clear();
        self.poller.add(&self.signals, READ, Token::Signal);
        let now = Instant::now();
        let is_quiet = self.quiet_at.is_some_and(|at| at <= now);
        if is_quiet {
            self.quiet_at = None;
            self.logs.release();
            if !self.undelivered {
                self.batch.release();
            }
        }
        let pause = self.streams.deadline(now);
        // While a client is behind, output waits in the pipe.
        if reading && !self.undelivered {
            self.streams.poll(&mut self.poller);
        }
        self.add_others();
        let patience = self.attach.as_ref().and_then(Attach::deadline);
        let next = [deadline, pause, patience, self.quiet_at]
            .into_iter()
            .flatten()
            .min();
        let timeout = next.map(|next| next.saturating_duration_since(now));
        self.poller
            .wait(timeout, is_quiet)
            .context("cannot wait for events")?;

        if reading && self.poller.any_ready() {
            self.quiet_at = Some(Instant::now() + QUIET);
        }
        let mut index = 0;
        while let Some((token, ready)) = self.poller.get(index) {
            if ready.any() {
                self.serve(token, ready)?;
            }
            index += 1;
        }
        if let Some(attach) = &mut self.attach {
            attach.sweep(Instant::now());
            if self.undelivered {
                self.undelivered = !attach.deliver(&self.batch);
            }
        }
        Ok(())
    }

    fn add_others(&mut self) {
        let poller = &mut self.poller;
        if let Some(console) = &self.console {
            poller.add(&console.listener, READ, Token::Console);
        }
        if let Some(attach) = &self.attach {
            attach.poll(poller, &self.batch);
            if let Some(stdin) = self.streams.stdin.as_ref().filter(|_| attach.has_input()) {
                poller.add(stdin, WRITE, Token::Stdin);
            }
        }
        if let Some([control, window_size]) = &self.fifos {
            poller.add(&control.reader, READ, Token::Control);
            poller.add(&window_size.reader, READ, Token::WindowSize);
        }
        if let Some(oom) = &self.oom {
            poller.add(oom.fd(), READ, Token::Oom);
        }
        if let Some(relay) = &self.relay {
            poller.add(&relay.container, READ, Token::Notify);
        }
        if let Some(orphan) = &self.processes.orphan {
            poller.add(orphan, READ, Token::Orphan);
        }
    }

    fn serve(&mut self, token: Token, ready: Ready) -> Result<()> {
        match token {
            Token::Signal => self.serve_signals()?,
            Token::Console => self.receive_terminal()?,
            Token::Stdout => self.serve_stream(Stream::Stdout, ready),
            Token::Stderr => self.serve_stream(Stream::Stderr, ready),
            Token::Stdin => {
                if let Some(attach) = &mut self.attach {
                    attach.pass_input(&mut self.streams);
                }
            }
            Token::AttachListener => self.accept(),
            Token::Client(index) => {
                let policy = self.policy();
                if let Some(attach) = &mut self.attach {
                    attach.serve(index, ready, &mut self.streams, policy);
                }
            }
            Token::Control => self.serve_fifo(0),
            Token::WindowSize => self.serve_fifo(1),
            Token::Oom => {
                if self.oom.as_mut().is_some_and(oom::Watch::check) {
                    oom::mark(self.settings);
                }
            }
            Token::Notify => {
                if let Some(relay) = &mut self.relay {
                    relay.serve();
                }
            }
            Token::Orphan => self.processes.note_orphans_end(),
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        let options = &self.settings.options;
        Policy {
            client_closes_stdin: options.stdin && !options.leave_stdin_open,
        }
    }

    pub(super) fn accept(&mut self) {
        if let Some(attach) = &mut self.attach {
            attach.accept(&self.batch, || !self.processes.is_started());
        }
    }

    fn serve_stream(&mut self, stream: Stream, ready: Ready) {
        // Whoever connected before this was written is to have it.
        self.accept();
        // A batch that has just been read may not be behind for everyone yet.
        if !self.undelivered && self.streams.serve(stream, ready, &mut self.batch) {
            self.pass_on();
        }
    }

    pub(super) fn pass_on(&mut self) {
        self.logs.write(self.batch.stream, self.batch.bytes());
        if let Some(attach) = &mut self.attach {
            attach.begin();
            self.undelivered = !attach.deliver(&self.batch);
        }
    }

    fn serve_fifo(&mut self, which: usize) {
        let Some(fifos) = &mut self.fifos else {
            return;
        };
        fifos[which].serve(|command| match command {
            Command::ReopenLogs => self.logs.reopen(),
            Command::Resize(size) => match self.streams.terminal() {
                Some(terminal) => console::resize(terminal, size),
                None => self.early_size = Some(size),
            },
        });
    }

    pub(super) fn receive_terminal(&mut self) -> Result<()> {
        let Some(console) = &self.console else {
            return Ok(());
        };
        let Some(terminal) = console.receive()? else {
            return Ok(());
        };
        self.streams.take_terminal(terminal)?;
        self.console = None;
        if let (Some(size), Some(terminal)) = (self.early_size.take(), self.streams.terminal()) {
            console::resize(terminal, size);
        }
        Ok(())
    }

    fn serve_signals(&mut self) -> Result<()> {
        while let Some(info) = self
            .signals
            .read_signal()
            .context("Failed to read from signalfd")?
        {
            let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed()) else {
                continue;
            };
            if matches!(signal, Signal::SIGTERM | Signal::SIGQUIT | Signal::SIGINT) {
                self.processes.forward(signal);
            }
        }
        self.processes.reap()
    }
}
