//! What both ends do under test.

use leasehold::{
    io::AnyStream,
    ws::{Error, WebSocket},
};

/// Sends what it gets, until the peer closes.
pub(crate) async fn echo(mut socket: WebSocket<AnyStream>) -> Result<(), Error> {
    while let Some(message) = socket.recv().await.transpose()? {
        if message.is_data() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
