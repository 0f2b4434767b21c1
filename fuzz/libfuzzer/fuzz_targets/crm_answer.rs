#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::crm_answer(bytes));
