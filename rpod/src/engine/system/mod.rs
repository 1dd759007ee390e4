//! All nouns at once: what they take ([`usage`]), what of them is damaged ([`check`]), and their end ([`reset`]).

pub mod check;
pub mod connection;
pub mod mounts;
pub mod reset;
pub mod usage;
