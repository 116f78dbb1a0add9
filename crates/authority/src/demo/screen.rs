//! The demo on a terminal: draws over itself ten times a second, and does what a key says.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::DemoError;
use super::ending::Ending;
use super::stage::Stage;
use super::view::{Picture, Row};

/// Between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// The most happenings that are kept.
const HAPPENINGS: usize = 200;

/// Leaves room for what was on the terminal before, and hides the cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// Puts both back.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    End(Ending),
    SignIn,
    Quit,
}

/// Shows the stage until `q`, Ctrl-C or the end of the input. What happened stays on the terminal. Fails if anything was
/// not as it must be.
pub(super) async fn run(stage: &Arc<Stage>, colour: bool) -> Result<(), DemoError> {
    let terminal = Terminal::enter().map_err(|error| DemoError::Terminal(Arc::new(error)))?;
    let mut viewer = Viewer { stage, colour, happened: Vec::new(), faults: Vec::new(), under_way: JoinSet::new() };
    let outcome = viewer.watch(&mut keys()).await;
    drop(terminal);
    let mut out = io::stdout().lock();
    for line in &viewer.happened {
        // Whoever left does not read it.
        let _ = writeln!(out, "{line}");
    }
    outcome?;
    DemoError::judge(viewer.faults)
}

/// What a key came to: a line, and what was wrong.
type Happened = Result<(String, Vec<String>), DemoError>;

struct Viewer<'a> {
    stage: &'a Arc<Stage>,
    colour: bool,
    happened: Vec<String>,
    faults: Vec<String>,
    under_way: JoinSet<Happened>,
}

impl Viewer<'_> {
    async fn watch(&mut self, keys: &mut mpsc::Receiver<Key>) -> Result<(), DemoError> {
        self.act(Key::SignIn);
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = frames.tick() => {}
                key = keys.recv() => match key {
                    None | Some(Key::Quit) => return Ok(()),
                    // One after the other: who presses twice means it once.
                    Some(_) if !self.under_way.is_empty() => {}
                    Some(key) => self.act(key),
                },
                Some(done) = self.under_way.join_next() => {
                    let (text, faults) = done.map_err(|_| DemoError::Part("an ending"))??;
                    self.say(text);
                    for fault in &faults {
                        self.say(format!("Not as it must be: {fault}"));
                    }
                    self.faults.extend(faults);
                }
            }
            self.draw().map_err(|error| DemoError::Terminal(Arc::new(error)))?;
        }
    }

    fn act(&mut self, key: Key) {
        let stage = Arc::clone(self.stage);
        self.under_way.spawn(async move {
            match key {
                Key::SignIn | Key::Quit => stage.sign_in().await.map(|text| (text, Vec::new())),
                Key::End(ending) => Ok(match stage.end(ending).await? {
                    Some(outcome) => (outcome.text, outcome.faults),
                    None => ("Nobody is signed in whom that would end: press s".to_owned(), Vec::new()),
                }),
            }
        });
    }

    fn say(&mut self, text: String) {
        if self.happened.len() >= HAPPENINGS {
            self.happened.remove(0);
        }
        self.happened.push(text);
    }

    fn draw(&self) -> io::Result<()> {
        let stage = self.stage;
        let row = |(index, service): (usize, &super::service::Service)| Row {
            name: service.name,
            position: service.position(),
            heard: stage.devices.iter().map(|device| device.heard(index)).collect(),
        };
        let picture = Picture {
            opening: super::opening(stage),
            devices: stage.devices.iter().map(|device| (device.name, device.is_signed_in())).collect(),
            services: stage.services.iter().enumerate().map(row).collect(),
            happened: self.happened.clone(),
            busy: !self.under_way.is_empty(),
        };
        let mut out = io::stdout().lock();
        out.write_all(picture.drawn(size(), self.colour).as_bytes())?;
        out.flush()
    }
}

/// Columns and rows. A terminal that does not say is taken for the usual one.
fn size() -> (usize, usize) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        Ok(_) | Err(_) => (80, 24),
    }
}

/// The keys as they are pressed, read by a thread that ends with the program, or with its input.
fn keys() -> mpsc::Receiver<Key> {
    let (tell, told) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while let Ok(read @ 1..) = io::stdin().lock().read(&mut bytes) {
            if meant(&bytes[..read]).into_iter().any(|key| tell.blocking_send(key).is_err()) {
                return;
            }
        }
    });
    told
}

/// What was asked for by bytes that came together. Keys like the arrows send several, which begin with an escape.
fn meant(bytes: &[u8]) -> Vec<Key> {
    let key = |byte: &u8| match byte.to_ascii_lowercase() {
        b'p' => Some(Key::End(Ending::Phone)),
        b'o' => Some(Key::End(Ending::Others)),
        b'a' => Some(Key::End(Ending::All)),
        b'e' => Some(Key::End(Ending::Everyone)),
        b's' => Some(Key::SignIn),
        // Ctrl-C and Ctrl-D arrive as bytes here.
        b'q' | 0x03 | 0x04 => Some(Key::Quit),
        _ => None,
    };
    if bytes.first() == Some(&0x1b) { Vec::new() } else { bytes.iter().filter_map(key).collect() }
}

/// A terminal that shows the demo alone, until this is dropped.
struct Terminal(Arc<Saved>);

/// What a terminal was like before.
struct Saved {
    modes: Termios,
    /// Whether it is like that again. Doing it twice would move the cursor into what was written since.
    restored: AtomicBool,
}

impl Terminal {
    fn enter() -> io::Result<Self> {
        let modes = tcgetattr(io::stdin())?;
        let mut raw = modes.clone();
        raw.make_raw();
        let saved = Arc::new(Saved { modes, restored: AtomicBool::new(false) });
        // What panics says so on a terminal that is put right.
        let (restoring, report) = (Arc::clone(&saved), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            restoring.restore();
            report(panic);
        }));
        let terminal = Self(saved);
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        let mut out = io::stdout().lock();
        out.write_all(ENTER.as_bytes()).and_then(|()| out.flush())?;
        Ok(terminal)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.0.restore();
    }
}

impl Saved {
    fn restore(&self) {
        if self.restored.swap(true, Ordering::AcqRel) {
            return;
        }
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.modes);
        let mut out = io::stdout().lock();
        let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_either_case_and_arrows_mean_nothing() {
        assert_eq!(meant(b"p"), [Key::End(Ending::Phone)]);
        assert_eq!(meant(b"oA"), [Key::End(Ending::Others), Key::End(Ending::All)]);
        assert_eq!(meant(b"es\r"), [Key::End(Ending::Everyone), Key::SignIn]);
        assert_eq!(meant(b"\x1b[A"), []);
        assert_eq!(meant(b"\x1bOP"), []);
        for quits in [b"q", b"\x03", b"\x04"] {
            assert_eq!(meant(quits), [Key::Quit]);
        }
    }
}
