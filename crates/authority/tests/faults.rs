//! Faults (G2, G7, A12, R7) on a real server, real disks and real files, and a hammering on real threads (A16, B1, B3,
//! C2, C7): whatever is refused is refused clearly, whatever is acknowledged holds, and what was revoked stays so.

mod faults {
    mod corrupted;
    mod cut_off;
    #[path = "../crashes/database.rs"]
    mod database;
    mod disk;
    mod full_disk;
    mod hammer;
    #[path = "../crashes/http.rs"]
    mod http;
    mod locked;
    mod read_only;
    mod rolled_back;
    #[path = "../crashes/server.rs"]
    mod server;
    mod slow;
    mod starting;
    #[path = "../crashes/tracer.rs"]
    mod tracer;
    mod visitor;
}
