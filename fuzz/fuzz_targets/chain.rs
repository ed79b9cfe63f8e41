#![no_main]

#[path = "../../tests/corpus/chain.rs"]
mod chain;
#[path = "../../tests/corpus/input.rs"]
#[allow(dead_code, reason = "each target reads what it needs")]
mod input;

libfuzzer_sys::fuzz_target!(|data: &[u8]| chain::run(data));
