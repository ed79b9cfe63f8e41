//! HTTP/2: streams that were opened before the signal are answered.
