#![no_main]

#[path = "../../tests/corpus/input.rs"]
#[allow(dead_code, reason = "each target reads what it needs")]
mod input;
#[path = "../../tests/corpus/ws_frames.rs"]
mod ws_frames;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ws_frames::run(data));
