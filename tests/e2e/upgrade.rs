//! What earlier releases left behind: today's programs go on with it, without anybody's hand, and what a
//! later release wrote is left alone.

mod formats;
mod goes_on;
mod later_release;
mod told;
