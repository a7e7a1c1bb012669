//! Reads text files under a size limit, and makes files and folders for their owner alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use whittle_analysis::issue::IssueKind;
use whittle_snapshot::FileProblem;

/// Files above this size are refused: an account of 10,000 roles stays under a tenth of it.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;

/// The text of a file, `Ok(None)` if there is none. `place` is how the file is named in messages.
pub(crate) fn read_text(path: &Path, place: &str, max_bytes: u64) -> Result<Option<String>, FileProblem> {
    let unreadable =
        |error: &io::Error| FileProblem::new(IssueKind::UnreadableFile, place, format!("cannot be read: {error}"));
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    if !metadata.is_file() {
        return Err(FileProblem::new(IssueKind::UnreadableFile, place, "is not a regular file"));
    }
    let bytes = read_bounded(path, max_bytes).map_err(|error| unreadable(&error))?.ok_or_else(|| {
        FileProblem::new(IssueKind::FileTooLarge, place, format!("is larger than {max_bytes} bytes"))
            .with_hint("split the account by Region into `regions/<region>/` folders")
    })?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(FileProblem::new(IssueKind::BadEncoding, place, "is UTF-16, not UTF-8")
            .with_hint("in PowerShell, write it with `| Out-File -Encoding utf8`"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        FileProblem::new(
            IssueKind::BadEncoding,
            place,
            format!("is not UTF-8 text (first bad byte at offset {offset})"),
        )
    })?;
    Ok(Some(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }))
}

/// Reads a whole file, or `None` if it holds more than `max_bytes`, whatever its metadata said.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let expected = file.metadata()?.len();
    if expected > max_bytes {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    // A growing file, or one of `/proc` that claims no size, must not pass the limit either.
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((u64::try_from(read).unwrap_or(u64::MAX) <= max_bytes).then_some(bytes))
}

/// Makes a folder, and those that it is in, which only their owner may look into. One that is there stays as
/// it is. Systems without such permissions have their own.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a new file that only its owner may read; one of that name that is there goes.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    // What is left of a run that was stopped may be open to others, and would stay so.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Takes the permissions of others away from a file.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_are_tolerated_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.json");
        std::fs::write(&path, b"\xef\xbb\xbf{}").unwrap();
        assert_eq!(read_text(&path, "f.json", 100).unwrap().unwrap(), "{}");
        std::fs::write(&path, b"\xff\xfe{\0}\0").unwrap();
        assert!(read_text(&path, "f.json", 100).unwrap_err().message().contains("UTF-16"));
        std::fs::write(&path, b"{\"a\":\"\xe9\"}").unwrap();
        assert!(read_text(&path, "f.json", 100).unwrap_err().message().contains("offset 6"));
        assert!(read_text(&path, "f.json", 3).unwrap_err().message().contains("larger than 3 bytes"));
        assert!(read_text(dir.path(), "f.json", 3).is_err());
        assert!(read_text(&dir.path().join("none"), "none", 3).unwrap().is_none());
    }
}
