//! A migration that is added must be embedded too; without this line cargo would only notice one that is changed.
fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
