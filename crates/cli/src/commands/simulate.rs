//! `whittle simulate`: cases in, decisions out, line by line.
//!
//! One thread reads, all cores decide, this thread writes in the order of the input. What is held at any time
//! is a few batches, so memory does not grow with the number of cases. A batch ends where the input would
//! make us wait, so a program that asks one question at a time gets its answer at once.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rayon::prelude::*;
use whittle_policy::simulate::{SimulationAnswer, answer_bytes, refuse};

use crate::args::SimulateArguments;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Bytes read at once; also the size from which a batch is full.
const BATCH_BYTES: usize = 1 << 20;
/// Batches that wait for their turn.
const WAITING_BATCHES: usize = 2;
/// Longest line that is read as a case.
const LONGEST_LINE_BYTES: usize = 64 << 20;

/// Decides every case of the files, or of standard input.
pub fn run(arguments: &SimulateArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let sources = sources(&arguments.files)?;
    let mut out = printer.stream()?;
    let (sender, batches) = sync_channel(WAITING_BATCHES);
    let (cases, undecided) = std::thread::scope(|scope| {
        let reading = scope.spawn(move || sources.into_iter().try_for_each(|source| source.send_to(&sender)));
        let written = write_answers(&batches, arguments.explain, |text| out.write(text));
        // If writing failed, the reader finds nobody to send to and ends.
        drop(batches);
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.and_then(|counts| read.map(|()| counts))
    })?;
    out.finish()?;
    if cases == undecided {
        return Err(nothing_read(cases));
    }
    if undecided > 0 {
        printer.warning(&format!("{undecided} of {cases} cases could not be read; their answers say why"));
    }
    Ok(Exit::Clean)
}

/// Nothing was decided, so whoever asked must not take the end for an answer.
fn nothing_read(cases: u64) -> CommandError {
    let hint = "a case is one JSON object in a line; `whittle simulate --help` shows one".to_owned();
    CommandError::Unusable {
        message: match cases {
            0 => "there is no case in the input".to_owned(),
            1 => "the only case could not be read; its answer says why".to_owned(),
            _ => format!("none of the {cases} cases could be read; their answers say why"),
        },
        hint,
    }
}

/// An input of cases.
struct CaseSource {
    name: String,
    input: Box<dyn Read + Send>,
    path: PathBuf,
}

/// Opens everything before anything is answered.
fn sources(files: &[PathBuf]) -> Result<Vec<CaseSource>, CommandError> {
    let standard_input = || CaseSource {
        name: "standard input".to_owned(),
        input: Box::new(std::io::stdin()),
        path: PathBuf::from("standard input"),
    };
    let open = |path: &PathBuf| {
        if path == Path::new("-") {
            return Ok(standard_input());
        }
        let failed = |source| CommandError::Read { path: path.clone(), source };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        Ok(CaseSource { name: path.display().to_string(), input: Box::new(file), path: path.clone() })
    };
    if files.is_empty() { Ok(vec![standard_input()]) } else { files.iter().map(open).collect() }
}

/// Some lines of one source.
struct CaseBatch {
    source: String,
    lines: Vec<CaseLine>,
}

struct CaseLine {
    number: u64,
    text: CaseText,
}

enum CaseText {
    Whole(Vec<u8>),
    TooLong,
}

impl CaseSource {
    fn send_to(self, sender: &SyncSender<CaseBatch>) -> Result<(), CommandError> {
        let failed = |source| CommandError::Read { path: self.path.clone(), source };
        let mut input = BufReader::with_capacity(BATCH_BYTES, self.input);
        let (mut lines, mut bytes, mut number) = (Vec::new(), 0_usize, 0_u64);
        while let Some(text) = read_line(&mut input).map_err(failed)? {
            number += 1;
            if let CaseText::Whole(line) = &text {
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                bytes = bytes.saturating_add(line.len());
            }
            lines.push(CaseLine { number, text });
            if bytes >= BATCH_BYTES || input.buffer().is_empty() {
                let batch = CaseBatch { source: self.name.clone(), lines: std::mem::take(&mut lines) };
                bytes = 0;
                if sender.send(batch).is_err() {
                    return Ok(()); // nobody listens any more
                }
            }
        }
        // An error means that nobody listens any more.
        let _ = sender.send(CaseBatch { source: self.name, lines });
        Ok(())
    }
}

/// The next line without its end; of one that is too long, only that it was there.
fn read_line(input: &mut impl BufRead) -> std::io::Result<Option<CaseText>> {
    let mut line = Vec::new();
    let limit = u64::try_from(LONGEST_LINE_BYTES).unwrap_or(u64::MAX);
    if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() >= LONGEST_LINE_BYTES {
        drop(line);
        skip_line(input)?;
        return Ok(Some(CaseText::TooLong));
    }
    Ok(Some(CaseText::Whole(line)))
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let piece = input.fill_buf()?;
        let end = piece.iter().position(|&byte| byte == b'\n');
        let (used, done) = match end {
            Some(at) => (at + 1, true),
            None => (piece.len(), piece.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

/// Counts cases, and those that could not be read.
fn write_answers(
    batches: &Receiver<CaseBatch>,
    explain: bool,
    mut write: impl FnMut(&str) -> Result<ControlFlow<()>, CommandError>,
) -> Result<(u64, u64), CommandError> {
    let (mut cases, mut undecided) = (0_u64, 0_u64);
    let mut text = String::new();
    for batch in batches {
        let answers: Vec<SimulationAnswer> =
            batch.lines.par_iter().map(|line| answer(line, &batch.source, explain)).collect();
        text.clear();
        for answer in answers {
            cases += 1;
            undecided += u64::from(!answer.is_decided);
            text.push_str(&answer.json);
            text.push('\n');
        }
        if write(&text)?.is_break() {
            break;
        }
    }
    Ok((cases, undecided))
}

fn answer(line: &CaseLine, source: &str, explain: bool) -> SimulationAnswer {
    let place = || format!("{source}, line {}", line.number);
    match &line.text {
        CaseText::Whole(text) => answer_bytes(text, explain, &place()),
        CaseText::TooLong => refuse(&place(), format_args!("longer than {LONGEST_LINE_BYTES} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut input = BufReader::with_capacity(7, text);
        let mut out = Vec::new();
        while let Some(line) = read_line(&mut input).unwrap() {
            out.push(match line {
                CaseText::Whole(line) => Some(line),
                CaseText::TooLong => None,
            });
        }
        out
    }

    #[test]
    fn lines_end_at_line_feeds_and_at_the_end() {
        assert_eq!(lines(b""), Vec::<Option<Vec<u8>>>::new());
        assert_eq!(lines(b"a\n\nb"), [Some(b"a".to_vec()), Some(Vec::new()), Some(b"b".to_vec())]);
        assert_eq!(lines(b"a\r\n"), [Some(b"a\r".to_vec())]);
    }

    #[test]
    fn a_line_that_is_too_long_is_reported_and_skipped() {
        let mut text = vec![b'x'; LONGEST_LINE_BYTES + 10];
        text.extend(b"\nnext\n");
        assert_eq!(lines(&text), [None, Some(b"next".to_vec())]);
        let endless = vec![b'x'; LONGEST_LINE_BYTES];
        assert_eq!(lines(&endless), [None]);
    }
}
