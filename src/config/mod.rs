//! HCL text → desired resources. Pure: files come through [`Files`](files::Files).

pub mod amount;
pub mod block;
pub mod console;
pub mod convert;
pub mod eval;
pub mod files;
pub mod format;
mod functions;
pub mod load;
pub mod number;
pub mod parse;
pub mod project;
pub mod schema;
pub mod syntax;
pub mod token;
pub mod types;
pub mod value;
