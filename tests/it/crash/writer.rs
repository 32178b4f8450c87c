//! Somebody who broadcasts one text after the other, and notes what was acknowledged. What got no answer is not tried
//! again: it may be there or not, but never twice.

use std::collections::BTreeSet;
use std::time::Duration;

use lotline::base::clock::Clock;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::node::Whereabouts;

/// Between two broadcasts, so that the crawl has its share of the disk.
const PAUSE: Duration = Duration::from_millis(15);

#[derive(Default)]
pub struct Written {
    pub tried: BTreeSet<String>,
    pub acknowledged: Vec<String>,
}

pub async fn write(node: Whereabouts, token: String, stop: CancellationToken) -> Written {
    let mut written = Written::default();
    for number in 0_u64.. {
        if stop.is_cancelled() {
            break;
        }
        let text = format!("news {number}");
        written.tried.insert(text.clone());
        let answer = node.post(&token, "/api/v1/admin/broadcast", &json!({ "message": text })).await;
        if answer.is_some() {
            written.acknowledged.push(text);
        }
        Clock::system().sleep(PAUSE).await;
    }
    written
}
