//! Reads a log that a broker is writing, whole lines at a time. I/O.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::Error;

/// A place in a log, up to which it has been read.
#[derive(Debug)]
pub struct Tail {
    log: PathBuf,
    offset: u64,
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
}

impl Tail {
    /// Returns the beginning of a log.
    pub fn new(log: &Path) -> Self {
        Self::starting_at(log, 0)
    }

    /// Returns the place after the first `offset` bytes.
    pub(super) fn starting_at(log: &Path, offset: u64) -> Self {
        Self {
            log: log.to_owned(),
            offset,
            partial: Vec::new(),
        }
    }

    /// Returns the log's path.
    pub(super) fn path(&self) -> &Path {
        &self.log
    }

    /// Returns the lines that were completed since the last call. A log that is not there has none.
    pub fn read(&mut self) -> Result<Vec<String>, Error> {
        let added = self.added().map_err(|source| Error::Log {
            log: self.log.clone(),
            source,
        })?;
        self.offset += added.len() as u64;
        self.partial.extend(added);
        let end = self
            .partial
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let complete: Vec<u8> = self.partial.drain(..end).collect();
        Ok(String::from_utf8_lossy(&complete)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    fn added(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match File::open(&self.log) {
            Ok(mut file) => {
                file.seek(SeekFrom::Start(self.offset))?;
                file.read_to_end(&mut bytes)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write as _;

    #[test]
    fn lines_come_once_and_whole() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("server.log");
        let mut tail = Tail::new(&log);
        assert!(tail.read()?.is_empty());
        let mut file = OpenOptions::new().create(true).append(true).open(&log)?;
        file.write_all(b"one\ntw")?;
        assert_eq!(tail.read()?, ["one"]);
        assert!(tail.read()?.is_empty());
        file.write_all(b"o\nthree\n")?;
        assert_eq!(tail.read()?, ["two", "three"]);
        Ok(())
    }
}
