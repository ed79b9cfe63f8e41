//! What a hub does not send, and hands back.

use leasehold::ws::{Hub, Message};

use crate::ws_hub::{chain, frame::Frame, join, message, once, pool, run};

#[tokio::test]
async fn a_close_frame_is_each_sockets_own() {
    let pool = pool();
    let hub = Hub::new(&pool);
    let error = hub.try_send(Message::Close(None)).unwrap_err();
    assert!(
        !error.is_closed() && !error.is_lease() && error.to_string().contains("close frame"),
        "{error}"
    );
    assert_eq!(error.into_inner(), Message::Close(None));
}

#[tokio::test]
async fn a_hub_that_is_closed_sends_nothing() {
    let pool = pool();
    let hub = Hub::new(&pool);
    hub.clone().close();
    for error in [hub.try_send("late").unwrap_err(), hub.send("late").await.unwrap_err()] {
        assert!(error.is_closed(), "{error}");
        assert_eq!(error.into_inner(), Message::from("late"));
    }
}

#[tokio::test]
async fn a_message_for_which_the_account_has_no_room_is_handed_back() {
    let pool = pool();
    let account = pool.account("hub", 64 << 10);
    let hub = Hub::new(&account);
    let (member, mut peer) = join(&hub, &pool, 200_000);
    tokio::spawn(run(member));
    for kind in
        [Message::Binary, |chain| Message::text(leasehold::ws::Utf8Chain::try_from(chain).unwrap())]
    {
        let large = kind(message(&pool, b'x', 70_000).into_data().unwrap());
        for error in
            [hub.try_send(large.clone()).unwrap_err(), hub.send(large.clone()).await.unwrap_err()]
        {
            assert!(error.is_lease() && std::error::Error::source(&error).is_some(), "{error}");
            assert_eq!(error.into_inner(), large);
        }
        assert_eq!(account.leased(), 0);
    }
    hub.send(message(&pool, 1, 40_000)).await.unwrap();
    assert_eq!(peer.recv().await, Some(Frame::binary([1; 40_000])));
    assert_eq!(pool.leased(), 0);
}

#[tokio::test]
async fn a_message_of_another_pool_is_handed_back() {
    let (pool, other) = (pool(), pool());
    let hub = Hub::new(&pool);
    let error = hub.try_send(message(&other, 1, 100)).unwrap_err();
    assert!(error.is_lease(), "{error}");
    drop(error);
    assert_eq!((pool.leased(), other.leased()), (0, 0));
}

#[tokio::test]
async fn what_lies_in_no_block_is_charged_to_nobody() {
    let pool = pool();
    let account = pool.account("hub", 0);
    let hub = Hub::new(&account);
    let (mut member, mut peer) = join(&hub, &pool, 1_000);
    assert_eq!(hub.try_send(chain("foreign")).unwrap(), 1);
    assert!(once(member.recv()).await.is_pending());
    assert_eq!(peer.recv().await, Some(Frame::binary("foreign")));
    assert_eq!(pool.leased(), 0);
}
