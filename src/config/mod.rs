//! HCL text → desired resources. Pure: files come through [`Files`].

pub mod block;
pub mod files;
pub mod number;
pub mod project;
pub mod schema;
pub mod value;
