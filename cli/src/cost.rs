//! `postroom cost`: what a deployment costs in a month, from counted calls and public prices.
//!
//! Guarantees: what an event asks of AWS is what end-to-end tests count (`counted.toml`); everything else that it
//! reckons with is named where it stands. It needs neither an account of AWS nor the network.
//!
//! [`Bill`] is what machines read (`--json`). Left out: what AWS gives for nothing, discounts, taxes and support; NAT
//! gateways and endpoints of a VPC; a key of one's own; whoever reads the mail; first imports.

mod bill;
mod counted;
mod load;
mod price;
mod remedy;
mod text;
mod usage;

pub use bill::{Bill, Line, Remedied};
pub use load::Load;
pub use price::{Price, READ_ON, REGION, Rate};
pub use remedy::Remedy;
pub use usage::Purpose;

use crate::{Error, Outcome, args::CostArgs};
use counted::Counted;
use std::io::Write;

/// What a deployment costs in a month.
pub fn bill(args: &CostArgs) -> Bill {
    let counted = Counted::read();
    Bill::of(Load::of(args), &counted).remedied(&counted)
}

/// `postroom cost`.
///
/// # Errors
/// [`Error::Output`].
pub fn cost(args: &CostArgs, out: &mut dyn Write) -> Result<Outcome, Error> {
    let bill = bill(args);
    if args.json {
        let json = serde_json::to_string_pretty(&bill).map_err(std::io::Error::from)?;
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{bill}")?;
    }
    Ok(Outcome::Well)
}
