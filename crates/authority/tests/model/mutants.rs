//! Ways of doing it wrong. Each changes what goes into one of the program's transitions, or what is made of its answer.

use crate::bounds::{Bounds, Stops};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mutant {
    /// A node that begins anew takes over the row of the former one.
    NoWaitAfterRestart,
    /// A verifier acknowledges entries, and applies them later.
    AckBeforeApply,
    /// An echo names a position: the verifier takes it for its latest acknowledgement of that.
    EchoNamesPosition,
    /// A first acknowledgement below what the node has published is echoed.
    FirstEchoBelowPublished,
    /// A verifier's lease runs from each acknowledgement that it writes, echoed or not.
    UnechoedAckExtends,
    /// A verifier's lease runs from the moment at which it hears the echo.
    LeaseFromReceipt,
    /// An acknowledgement that comes after its lease had ended is echoed.
    EchoesLapsed,
    /// The first echo does not wait until the log was read and sent.
    FirstEchoBeforeRead,
    /// A verifier takes a snapshot that is older than what it has.
    OlderSnapshot,
    /// A node forgets a verifier as soon as it leaves.
    ForgetsWhoLeft,
    /// A node echoes however long its last heartbeat is ago.
    EchoesBeyondOwnLease,
    /// A heartbeat counts as a read of the log.
    EchoesBeforeRereading,
    /// A node does not hold itself to what it has published. That alone the model finds harmless, for a first echo also
    /// waits until all that was read is sent; so this one counts as sent what is not, too.
    AdmitsBelowPublished,
    /// A node takes its row away as it ends.
    DeletesRowOnShutdown,
    /// An observer reads its clock before it reads the rows, and counts from there.
    ClockBeforeRead,
    /// A verifier says goodbye, and keeps its lease.
    GoodbyeKeepsLease,
    /// A goodbye frees every connection of that verifier.
    GoodbyeFreesAll,
    /// A node counts what a verifier misses as sent only after it has sent it.
    CountsAsSentLate,
}

impl Mutant {
    /// In which bounds it is caught.
    pub(crate) const fn bounds(self) -> Bounds {
        let least = Bounds::LEAST;
        match self {
            Self::AckBeforeApply | Self::UnechoedAckExtends => least,
            Self::NoWaitAfterRestart | Self::DeletesRowOnShutdown => Bounds { restarts: 1, ..least },
            Self::GoodbyeKeepsLease | Self::GoodbyeFreesAll => Bounds { goodbyes: 1, ..least },
            Self::ForgetsWhoLeft => Bounds { breaks: 1, ..least },
            Self::OlderSnapshot => Bounds { nodes: 2, breaks: 1, stale: true, ..least },
            Self::FirstEchoBelowPublished | Self::AdmitsBelowPublished | Self::CountsAsSentLate => {
                Bounds { pauses: 1, stops: Stops::Open, ..least }
            }
            Self::EchoNamesPosition
            | Self::LeaseFromReceipt
            | Self::EchoesLapsed
            | Self::EchoesBeyondOwnLease
            | Self::FirstEchoBeforeRead => Bounds { ticks: 2, ..least },
            Self::EchoesBeforeRereading => Bounds { pauses: 1, stops: Stops::Read, ticks: 2, ..least },
            Self::ClockBeforeRead => Bounds { pauses: 1, stops: Stops::Look, ticks: 2, ..least },
        }
    }
}
