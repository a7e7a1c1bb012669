//! The one place that decides what goes to standard output, standard error, or a file.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use whittle_render::style::Color;
use whittle_render::text::clean;

use crate::args::{ColorChoice, GlobalArguments};
use crate::error::CommandError;
use crate::exit::Exit;

/// Writes data to standard output (or `--output`), everything else to standard error.
pub struct Printer {
    color_out: Color,
    color_err: Color,
    quiet: bool,
    verbose: bool,
    progress: bool,
    output: Option<PathBuf>,
}

impl Printer {
    /// From the global flags and the environment (`NO_COLOR`, a terminal or not).
    pub fn new(global: &GlobalArguments) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = |terminal: bool| match global.color {
            ColorChoice::Always => Color::On,
            ColorChoice::Auto if terminal && !no_color => Color::On,
            ColorChoice::Auto | ColorChoice::Never => Color::Off,
        };
        // The streams strip colour that does not belong; what the user asked for outranks what they see.
        match global.color {
            ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
            ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
            ColorChoice::Auto => {}
        }
        let to_file = global.output.is_some();
        let terminal_err = std::io::stderr().is_terminal();
        Self {
            color_out: color(std::io::stdout().is_terminal() && !to_file),
            color_err: color(terminal_err),
            quiet: global.quiet,
            verbose: global.verbose,
            progress: terminal_err && !global.quiet && !global.verbose && !global.no_progress,
            output: global.output.clone(),
        }
    }

    /// Colour of the data output.
    pub fn color(&self) -> Color {
        self.color_out
    }

    /// True if progress may be drawn.
    pub fn shows_progress(&self) -> bool {
        self.progress
    }

    /// Writes the data a command was asked for. With `--output` to a file beside the target, then renamed.
    ///
    /// A reader that has seen enough and is gone (`whittle … | head`) is no error, and changes no exit code:
    /// a gate that fails must fail whoever reads it.
    pub fn data(&self, text: &str) -> Result<(), CommandError> {
        if let Some(path) = &self.output {
            return write_then_rename(path, text);
        }
        let mut out = anstream::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(CommandError::Write { path: PathBuf::from("standard output"), source }),
        }
    }

    /// Writes data piece by piece, to where [`Printer::data`] writes.
    pub fn stream(&self) -> Result<DataStream, CommandError> {
        match &self.output {
            None => Ok(DataStream { to: Box::new(std::io::stdout()), file: None }),
            Some(path) => {
                let failed = |source| CommandError::Write { path: path.clone(), source };
                let Some(path) = replaceable(path) else {
                    let file = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
                    return Ok(DataStream { to: Box::new(file), file: None });
                };
                let beside = beside(&path);
                let file = std::fs::File::create(&beside).map_err(failed)?;
                Ok(DataStream { to: Box::new(file), file: Some((beside, path)) })
            }
        }
    }

    /// Something the user should know and can do something about.
    pub fn warning(&self, text: &str) {
        if !self.quiet {
            stderr(&format!("{}: {}\n", self.color_err.heading("warning"), clean(text)));
        }
    }

    /// A note on a finished step.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            stderr(&format!("{}\n", clean(text)));
        }
    }

    /// Advice for the next step.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            stderr(&format!("{}: {}\n", self.color_err.faint("hint"), clean(text)));
        }
    }

    /// A detail for `--verbose`.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            stderr(&format!("{}\n", clean(text)));
        }
    }

    /// Prints why a command failed: one line, the causes, the hint.
    pub fn error(&self, error: &CommandError) -> Exit {
        let mut text = format!("{}: {}\n", self.color_err.heading("error"), clean(&error.to_string()));
        let mut cause = std::error::Error::source(error);
        while let Some(current) = cause {
            let _ = writeln!(text, "  because {}", clean(&current.to_string()));
            cause = current.source();
        }
        if let Some(hint) = error.hint() {
            let _ = writeln!(text, "{}: {}", self.color_err.faint("hint"), clean(hint));
        }
        stderr(&text);
        Exit::Error
    }
}

/// Data that is written piece by piece. A file appears under its name only when all is written.
pub struct DataStream {
    to: Box<dyn std::io::Write>,
    /// File that is written, and the name it gets.
    file: Option<(PathBuf, PathBuf)>,
}

impl DataStream {
    /// Writes a piece; it is there for a reader at once. [`ControlFlow::Break`] if the reader is gone, so
    /// that no more pieces are wanted.
    pub fn write(&mut self, text: &str) -> Result<ControlFlow<()>, CommandError> {
        match self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if self.file.is_none() && error.kind() == std::io::ErrorKind::BrokenPipe => {
                Ok(ControlFlow::Break(()))
            }
            Err(source) => {
                let path =
                    self.file.as_ref().map_or_else(|| PathBuf::from("standard output"), |(_, path)| path.clone());
                Err(CommandError::Write { path, source })
            }
        }
    }

    /// Nothing more comes.
    pub fn finish(mut self) -> Result<(), CommandError> {
        let Some((beside, path)) = self.file.take() else { return Ok(()) };
        std::fs::rename(&beside, &path).map_err(|source| CommandError::Write { path, source })
    }
}

impl Drop for DataStream {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.file {
            // What is left of a run that failed is no data; if it cannot be removed, it does no harm.
            let _ = std::fs::remove_file(beside);
        }
    }
}

fn stderr(text: &str) {
    // There is no way to report that standard error is gone.
    let _ = std::io::Write::write_all(&mut anstream::stderr().lock(), text.as_bytes());
}

fn write_then_rename(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write { path: path.to_owned(), source };
    let Some(path) = replaceable(path) else {
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
        return std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed);
    };
    let beside = beside(&path);
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

/// The file that a renamed one may replace: what a link points to. `None` for a device or a pipe, which is
/// written to: a file renamed over it would take its place for all programs.
fn replaceable(path: &Path) -> Option<PathBuf> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return None;
    }
    Some(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
}

/// A file in the same folder, so that renaming it is one step.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(all(test, unix))]
mod tests {
    use super::write_then_rename;

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        write_then_rename(&pipe, "text").unwrap();
        let still = std::fs::metadata(&pipe).unwrap();
        // Without a reader's open end this would wait for ever, so it is looked at first.
        assert!(!still.is_file(), "a file took its place");
        assert_eq!(reader.join().unwrap(), "text");
    }

    #[test]
    fn a_link_stays_and_what_it_points_to_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_then_rename(&link, "new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
    }
}
