//! A node of the authority, as its row in the store tells the others (R8).

use std::fmt;
use std::time::Duration;

/// One run of one node: 128 random bits. A node that finds its row gone, or begins anew, is another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId([u8; 16]);

impl NodeId {
    /// The id of these bytes, which its maker drew from a CSPRNG.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nod_")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a node says of itself. Whoever reads it compares what it says with what it said before, and no clocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeRow {
    /// Which.
    pub id: NodeId,
    /// Rises with every heartbeat.
    pub counter: u64,
    /// For how long after a heartbeat the node may let verifiers accept tokens.
    pub lease: Duration,
    /// No verifier of this node holds a lease below this position, or will get one. Never falls.
    pub reached: u64,
    /// How many verifiers follow it.
    pub verifiers: u64,
}
