//! When the time to stop is over, what remains is ended.
