//! What authorization servers say, and what follows from it.
//!
//! Guarantees: an error answer of a token endpoint becomes a [`Fault`](postroom_model::Fault) whose
//! class tells who must act. An answer that nobody has described yet is `Unknown`, which is tried
//! again by itself; nobody is told to authorise an account again on a guess. A fault's reason holds
//! the error's name and its cleaned description, never a token, a secret or an address.
//!
//! Left out: HTTP, and AWS. Whoever calls reads a bounded answer and passes it in.

mod microsoft;
mod reason;
mod refusal;

pub use refusal::classify;
