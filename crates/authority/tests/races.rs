//! Races (A16, A17, B3, B9, C2, C7, E4): verbs run against real SQLite, parked before each call of a port, in *every*
//! order that is possible. After each schedule the log is read back and everything that was issued is judged anew, by
//! nothing but a scan of the log.

#![expect(clippy::print_stdout, reason = "each scene says how many schedules there were")]

mod races {
    mod cast;
    mod confirmations;
    mod endings;
    mod oracle;
    mod passwords;
    mod refreshes;
    mod schedule;
    mod sign_ins;
}
