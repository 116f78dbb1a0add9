//! A way to an authority whose connections die without a word, while others come through.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    deaths: Arc<AtomicU64>,
}

impl Way {
    pub(crate) fn to(authority: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let deaths = Arc::new(AtomicU64::new(0));
        let way = Self { address, deaths: Arc::clone(&deaths) };
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let born = deaths.load(Ordering::SeqCst);
                if born == u64::MAX {
                    return;
                }
                // Where nobody is, who came is hung up on.
                let Ok(far) = TcpStream::connect(authority) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    let deaths = Arc::clone(&deaths);
                    thread::spawn(move || carry(from, to, &deaths, born));
                }
            }
        });
        way
    }

    /// What is said over the connections that there are is lost from now on, and neither end is told.
    pub(crate) fn forget_connections(&self) {
        self.deaths.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.deaths.store(u64::MAX, Ordering::SeqCst);
        // It looks once more.
        drop(TcpStream::connect(self.address));
    }
}

/// Until the sender is gone.
fn carry(mut from: TcpStream, mut to: TcpStream, deaths: &AtomicU64, born: u64) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if deaths.load(Ordering::SeqCst) == born && to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
    if deaths.load(Ordering::SeqCst) == born {
        let _ = to.shutdown(Shutdown::Write);
    }
}
