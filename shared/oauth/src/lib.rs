//! OAuth 2 and OpenID Connect as a client: where an authorization server answers, how tokens are
//! asked for, renewed and revoked, who it was that consented, and what follows from a refusal.
//!
//! Guarantees: only https is spoken, and only with addresses that are not this machine's or its
//! link's, unless the deployment says otherwise; redirects are not followed; an answer is read up to
//! a limit and within a time limit. An error answer becomes a [`Fault`](postroom_model::Fault) whose
//! class tells who must act; one that nobody has described yet is `Unknown`, which is tried again by
//! itself, so that nobody is told to authorise an account again on a guess. A fault's reason holds
//! the error's name and its cleaned description, never a token, a secret or an address. An
//! [`Identity`] exists only after its id_token has passed every check.
//!
//! Left out: the clock (whoever calls passes `now`), keeping tokens, retrying, and AWS.

mod assertion;
mod authorize;
mod certificate;
mod client;
mod destination;
mod device;
mod exchange;
mod failure;
mod grant;
mod http;
mod id_token;
mod identity;
mod metadata;
mod microsoft;
mod reason;
mod refusal;
mod revocation;
mod scope;
mod server;
mod userinfo;

pub use authorize::{Authorization, AuthorizationRequest, RESERVED_PARAMETERS};
pub use certificate::certificate_ends;
pub use client::Client;
pub use device::{DeviceAuthorization, DevicePoll};
pub use grant::Answer;
pub use http::{Http, HttpError, HttpSettings};
pub use id_token::IdentityError;
pub use identity::Identity;
pub use postroom_trust::TrustError;
pub use refusal::classify;
pub use revocation::Revocation;
pub use scope::{is_enough, missing_scopes, scopes_of};
pub use server::AuthorizationServer;
