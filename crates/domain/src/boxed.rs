//! The one shape of an asynchronous answer of a port.

use std::future::Future;
use std::pin::Pin;

/// A future that a port returns: boxed, so that ports stay object-safe, and `Send`, so that handlers may move.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
