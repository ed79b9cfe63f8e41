//! `BudgetLayer`: what it admits and reserves, that uploads at once stay within the budget, and that every path gives back what was reserved.

mod admission;
mod client;
mod refunds;
mod responses;
mod site;
mod uploads;

#[path = "../bodies/mod.rs"]
mod bodies;
