//! The program as people run it: every command, with and without a server on the same data folder.

#[path = "cli/accounts.rs"]
mod accounts;
#[path = "cli/asking.rs"]
mod asking;
#[path = "cli/backups.rs"]
mod backups;
#[path = "cli/certificates.rs"]
mod certificates;
#[path = "cli/clients.rs"]
mod clients;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/deploying.rs"]
mod deploying;
#[path = "cli/endings.rs"]
mod endings;
#[path = "cli/faults.rs"]
mod faults;
#[path = "cli/house.rs"]
mod house;
#[path = "cli/https.rs"]
mod https;
#[path = "cli/importing.rs"]
mod importing;
#[path = "cli/mmdb.rs"]
mod mmdb;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/places.rs"]
mod places;
#[path = "cli/server.rs"]
mod server;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/traces.rs"]
mod traces;
#[path = "cli/verifying.rs"]
mod verifying;
