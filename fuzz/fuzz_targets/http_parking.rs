#![no_main]

#[path = "../../tests/corpus/http_parking.rs"]
mod http_parking;

libfuzzer_sys::fuzz_target!(|data: &[u8]| http_parking::run(data));
