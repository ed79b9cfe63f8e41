//! Accounts: what is charged, nested limits, and charges that move.

mod ends;
mod figures;
mod limits;
mod moving;

const KIB: usize = 1 << 10;
