//! The feed, as verifiers and strangers find it: the program with real sockets, followed by the verifier that services
//! embed, and by one that says what it likes.

#[path = "cli/certificates.rs"]
mod certificates;
#[path = "feed/commands.rs"]
mod commands;
#[path = "feed/conversations.rs"]
mod conversations;
#[path = "feed/cut.rs"]
mod cut;
#[path = "feed/encrypted.rs"]
mod encrypted;
#[path = "feed/endings.rs"]
mod endings;
#[path = "feed/enforcement.rs"]
mod enforcement;
#[path = "feed/evicting.rs"]
mod evicting;
#[path = "feed/following.rs"]
mod following;
#[path = "feed/foreign.rs"]
mod foreign;
#[path = "feed/guarding.rs"]
mod guarding;
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
#[path = "cli/house.rs"]
mod house;
#[path = "feed/line.rs"]
mod line;
#[path = "feed/machines.rs"]
mod machines;
#[path = "feed/partition.rs"]
mod partition;
#[path = "feed/proxies.rs"]
mod proxies;
#[path = "feed/readme.rs"]
mod readme;
#[path = "feed/recorded.rs"]
mod recorded;
#[path = "feed/rotation.rs"]
mod rotation;
#[path = "feed/scene.rs"]
mod scene;
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
#[path = "cli/server.rs"]
mod server;
#[path = "feed/slow.rs"]
mod slow;
#[path = "feed/sockets.rs"]
mod sockets;
#[path = "feed/stopping.rs"]
mod stopping;
#[path = "feed/strangers.rs"]
mod strangers;
#[path = "feed/walls.rs"]
mod walls;
#[path = "feed/way.rs"]
mod way;
