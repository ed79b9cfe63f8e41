//! `Admission`: the account and the credit of a request. Its drop is the accounting.

use std::{fmt, sync::Arc};

use super::settings::Settings;
use crate::pool::Credit;

/// Travels with the request: in the future of the response, then in the response's body.
pub(super) struct Admission {
    credit: Option<Credit>,
    settings: Arc<Settings>,
}

impl Admission {
    pub(super) fn new(credit: Credit, settings: &Arc<Settings>) -> Self {
        Self { credit: Some(credit), settings: Arc::clone(settings) }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(account) = self.credit.take().and_then(Credit::end) {
            self.settings.end(account);
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admission").field(&self.credit).finish()
    }
}
