//! The whole pipeline on real servers.

mod api;
mod catalog;
mod cluster;
mod connections;
mod crm_copies;
mod door;
mod follow_up;
mod forms;
mod handed_on;
mod killed;
mod ledger;
mod limits;
mod map;
mod merges;
mod onboard;
mod pauses;
mod permissions;
mod plans;
mod poll;
mod replies;
mod rude;
mod sending;
mod tekmetric;
mod tenancy;
mod unsure;
mod upgrade;
