//! The map of the house, held by a test: who may know whom, and who may speak which foreign language.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Every crate with what it stands on, lowest first. A crate may depend on those before its own floor, never beside it.
const FLOORS: [&[&str]; 9] = [
    &["domain"],
    &["events", "service", "templates"],
    &["store", "crm", "limits", "model"],
    &["accounts"],
    &["catalog-cache"],
    &["stage"],
    &["ingest", "enrich", "schedule", "notify", "chat", "operate"],
    &["orchestrator"],
    &["tests", "bench", "fuzz"],
];

/// Beside the house: the other side of the wire. It may know the words of the business and nothing else.
const SIM: &str = "sim";

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    metadata
        .packages
        .iter()
        .map(|package| {
            let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            (package.name.to_string(), normal.map(|dependency| dependency.name.clone()).collect())
        })
        .collect()
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|crates| crates.contains(&name))
}

#[test]
fn every_crate_has_its_place_on_the_map() {
    for name in dependencies().keys() {
        assert!(
            floor(name).is_some() || name == SIM,
            "{name} is not on the map; add it to FLOORS and to ARCHITECTURE.md"
        );
    }
}

#[test]
fn nobody_depends_on_a_crate_beside_or_above_them() {
    for (name, needed) in dependencies() {
        let Some(own) = floor(&name) else { continue };
        for other in needed.iter().filter_map(|other| floor(other).map(|at| (other, at))) {
            assert!(other.1 < own, "{name} must not depend on {}", other.0);
        }
    }
}

#[test]
fn the_simulator_knows_neither_side_of_the_wire() {
    let all = dependencies();
    let ours: Vec<_> = all[SIM].iter().filter(|name| floor(name).is_some()).collect();
    assert_eq!(ours, ["domain"]);
    let users: Vec<_> = all.iter().filter(|(_, needed)| needed.contains(SIM)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(users, ["bench", "orchestrator", "tests"]);
}

#[test]
fn each_foreign_language_is_spoken_by_one_crate() {
    for (language, speakers) in [
        ("sqlx", &["bench", "store", "tests"][..]),
        ("async-nats", &["bench", "stage", "tests"]),
        ("redis", &["catalog-cache", "limits", "tests"]),
    ] {
        let found: Vec<_> =
            dependencies().into_iter().filter(|(_, needed)| needed.contains(language)).map(|(name, _)| name).collect();
        assert_eq!(found, speakers, "{language}");
    }
}

#[test]
fn every_crate_says_what_it_is_for_in_one_line() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    for package in &metadata.packages {
        let purpose = package.description.as_deref().unwrap_or_default();
        assert!(purpose.len() > 10 && purpose.len() < 120 && !purpose.contains('\n'), "{}: {purpose:?}", package.name);
    }
}
