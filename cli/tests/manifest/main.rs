//! Manifests: what is accepted, and what is said about mistakes.

mod deployed;
mod ends;
mod grants;
mod ground;
mod mailboxes;
mod mistakes;
mod presets;
