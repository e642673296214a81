//! Version 1 of the state file: no object has an outcome. Pure.

use super::{Decoded, FormatError, v2};

pub(super) fn read(bytes: &[u8]) -> Result<Decoded, FormatError> {
    v2::read_as(1, bytes)
}
