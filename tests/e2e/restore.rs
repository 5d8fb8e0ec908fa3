//! What is lost comes back as docs/operations.md says: the registry from a backup older than the archive, and
//! secrets from where Secrets Manager keeps them.

mod registry;
mod vault;
