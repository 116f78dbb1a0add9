//! What may be done, one file each.

pub mod administer_clients;
pub mod administer_keys;
pub mod administer_users;
pub mod begin_epoch;
pub mod change_password;
pub mod client_credentials;
pub mod delete_account;
pub mod end_session;
pub mod end_sessions;
pub mod explain;
pub mod import_users;
pub mod keep_house;
pub mod list_origins;
pub mod list_sessions;
pub mod lock_account;
pub mod log_out;
pub mod publish_keys;
pub mod read_log;
pub mod reauthenticate;
pub mod refresh;
pub mod revoke;
pub mod set_up;
pub mod sign_in;
pub mod sign_up;
pub mod update_session;
