//! What a person sees of blobs on their way: on a terminal a bar for each, elsewhere a line when one begins, and for one that
//! takes long a line now and then.

mod bar;

use std::io::{self, IsTerminal, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::turns::Output;

use bar::Bar;

/// Between two lines about one blob, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two pictures of the bars.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Shared by the threads of a copy. A screen that cannot be written to does not stop the copy.
#[derive(Debug)]
pub struct Progress<'o> {
    mode: Mode,
    output: &'o Output,
    shown: Mutex<Shown>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Quiet,
    Lines,
    Bars,
}

#[derive(Debug)]
struct Shown {
    /// In the order in which they began.
    running: Vec<Bar>,
    /// Lines on the screen that the next picture replaces.
    drawn: usize,
    last: Instant,
}

/// Counts what is read of one blob.
pub struct Counted<'a> {
    reader: Box<dyn Read + Send + 'a>,
    progress: &'a Progress<'a>,
    digest: Digest,
}

impl<'o> Progress<'o> {
    pub fn new(output: &'o Output) -> Self {
        let mode = match output {
            Output::Quiet => Mode::Quiet,
            _ if io::stdout().is_terminal() => Mode::Bars,
            _ => Mode::Lines,
        };
        Self {
            mode,
            output,
            shown: Mutex::new(Shown {
                running: Vec::new(),
                drawn: 0,
                last: Instant::now(),
            }),
        }
    }

    pub fn begin(&self, blob: &Descriptor) {
        if self.mode == Mode::Lines {
            self.print(&format!("Copying blob {}\n", blob.digest));
        }
        let mut shown = self.shown();
        shown.running.push(Bar::new(blob));
        self.draw(&mut shown, &[]);
    }

    pub fn counted<'a>(
        &'a self,
        reader: Box<dyn Read + Send + 'a>,
        blob: &Descriptor,
    ) -> Box<dyn Read + Send + 'a> {
        if self.mode == Mode::Quiet {
            return reader;
        }
        Box::new(Counted {
            reader,
            progress: self,
            digest: blob.digest.clone(),
        })
    }

    /// A blob has arrived, or `how` else it has ended.
    pub fn end(&self, blob: &Descriptor, how: &str) {
        let mut shown = self.shown();
        let ended = shown
            .running
            .iter()
            .position(|bar| bar.digest == blob.digest)
            .map(|at| shown.running.remove(at));
        let line = ended.map(|bar| bar.ended(how));
        self.draw(&mut shown, line.as_slice());
    }

    fn advance(&self, digest: &Digest, n: usize) {
        let mut shown = self.shown();
        let Some(bar) = shown.running.iter_mut().find(|bar| bar.digest == *digest) else {
            return;
        };
        bar.done += n as u64;
        match self.mode {
            Mode::Quiet => {}
            Mode::Lines if bar.told.elapsed() >= LINE_EVERY => {
                bar.told = Instant::now();
                self.print(&format!("{}\n", bar.line()));
            }
            Mode::Lines => {}
            Mode::Bars if shown.last.elapsed() >= DRAW_EVERY => self.draw(&mut shown, &[]),
            Mode::Bars => {}
        }
    }

    /// Draws the running bars in the place of their last picture, below `ended`, which stays.
    fn draw(&self, shown: &mut Shown, ended: &[String]) {
        if self.mode != Mode::Bars {
            return;
        }
        let width = bar::terminal_width();
        let mut picture = match shown.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\x1b[J"),
        };
        for line in ended {
            picture.push_str(&format!("{line}\n"));
        }
        shown.drawn = 0;
        // One that is seen later would be out of date, and drawn in the wrong place.
        if self.output.is_heard() {
            for bar in &shown.running {
                picture.push_str(&format!("{}\n", bar.picture(width)));
            }
            shown.drawn = shown.running.len();
        }
        self.print(&picture);
        shown.last = Instant::now();
    }

    fn print(&self, text: &str) {
        self.output.write(text.as_bytes()).ok();
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.progress.advance(&self.digest, n);
        Ok(n)
    }
}
