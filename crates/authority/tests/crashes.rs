//! Crashes (G1, R6): a server under load is killed with SIGKILL and started again, and whatever it had acknowledged is
//! there; what was in flight is whole or absent. Under `strace`, no acknowledgement leaves before its commit is durable.

mod crashes {
    mod database;
    mod dice;
    mod durability;
    mod first_start;
    pub(crate) mod http;
    mod kills;
    mod operator;
    mod person;
    pub(crate) mod server;
    mod trace;
    mod tracer;
}
