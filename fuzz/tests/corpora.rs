//! What each decoder was tried with, once more.

use std::{fs, path::PathBuf};

use fuzz::TARGETS;

#[test]
fn every_decoder_gets_along_with_what_it_was_tried_with() {
    for (name, decode) in TARGETS {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files: Vec<_> = fs::read_dir(&folder).expect(name).map(|file| file.expect("a file").path()).collect();
        assert!(files.len() >= 3, "{name} has too few seeds");
        for file in files {
            let bytes = fs::read(&file).expect("a seed");
            decode(&bytes);
            // And with each of its beginnings.
            for length in 0..bytes.len().min(2_000) {
                decode(&bytes[..length]);
            }
        }
    }
}

#[test]
fn every_decoder_is_one_that_make_fuzz_runs() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("libfuzzer/fuzz_targets");
    for (name, _) in TARGETS {
        assert!(folder.join(format!("{name}.rs")).is_file(), "{name} has no file in {}", folder.display());
    }
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), TARGETS.len());
}
