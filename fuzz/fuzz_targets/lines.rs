#![no_main]

#[path = "../../tests/corpus/codecs.rs"]
#[allow(dead_code, reason = "it is for two targets")]
mod codecs;
#[path = "../../tests/corpus/input.rs"]
#[allow(dead_code, reason = "each target reads what it needs")]
mod input;

libfuzzer_sys::fuzz_target!(|data: &[u8]| codecs::lines(data));
