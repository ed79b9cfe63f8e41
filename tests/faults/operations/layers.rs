//! Requests that are admitted by `BudgetLayer`, up to the end of their responses.

use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use leasehold::{
    Account,
    http::{BytesBody, collect},
    layer::BudgetLayer,
};
use tower::{Layer, ServiceExt, service_fn};

use super::bodies::{UsersBody, users_body};
use crate::{
    place::Place,
    site::{Done, Failure, Site},
};

/// Echoes a body, and holds something until it is sent.
async fn echo<P: Place>(
    site: &Site<P>,
    request: Request<UsersBody>,
) -> Result<
    Response<impl Body<Data = bytes::Bytes, Error = std::convert::Infallible> + use<P>>,
    Failure,
> {
    let account = request.extensions().get::<Account>().expect("an account of its own").clone();
    let held = account.lease(1).await?;
    let len = site.plan.len;
    let chain = collect(request.into_body(), &account, len).await?;
    site.plan.user_code();
    let plan = site.plan.clone();
    Ok(Response::new(BytesBody::new(chain).map_frame(move |frame| {
        let _ = &held;
        plan.user_code();
        frame
    })))
}

pub(super) async fn budget<P: Place>(site: Site<P>) -> Done {
    let layer = BudgetLayer::new(&site.pool).base_len(2 << 10);
    let service = layer.layer(service_fn(|request| echo(&site, request)));
    let response = service.oneshot(Request::new(users_body(&site))).await?;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        assert!(response.headers().contains_key("retry-after"));
        // What a refusal of memory looks like from above.
        return Err(site.pool.try_lease(usize::MAX).expect_err("it is too large").into());
    }
    let body = response.into_body().collect().await.expect("its errors cannot be").to_bytes();
    assert!(*body == *site.content(0));
    Ok(())
}
