//! What the integration tests share: projects, the program itself, real servers, and a slow network.

pub(crate) mod connect;
pub(crate) mod estate;
pub(crate) mod gate;
pub(crate) mod kafka;
pub(crate) mod program;
pub(crate) mod project;
pub(crate) mod proxy;
pub(crate) mod redact;
pub(crate) mod registry;
pub(crate) mod servers;
pub(crate) mod streams;
pub(crate) mod tls;
pub(crate) mod world;
