//! A listener to a stream of Server-Sent Events.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use crate::server::{Server, agent};

/// An open stream of Server-Sent Events.
pub struct Stream(BufReader<Box<dyn Read + Send>>);

impl Stream {
    /// Opens the one at a path.
    pub fn open(server: &Server, path: &str) -> Self {
        Stream::at(&server.url(path))
    }

    /// Opens the one at a URL.
    pub fn at(url: &str) -> Self {
        let response = agent().get(url).call().expect("the server answers");
        let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert_eq!((response.status().as_u16(), content_type.as_str()), (200, "text/event-stream"));
        Stream(BufReader::new(Box::new(response.into_body().into_reader())))
    }

    /// What the next notice of a change says, waiting for it; `None` at the end of the stream.
    pub fn notice(&mut self) -> Option<Value> {
        self.event("change")
    }

    /// What the next event says, waiting for it; it must have this name. `None` at the end of the stream.
    pub fn event(&mut self, name: &str) -> Option<Value> {
        let (mut event, mut data) = (String::new(), None);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("the stream goes on or ends well") == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", found)) => event = found.to_owned(),
                Some(("data", text)) => data = Some(serde_json::from_str(text).expect("data are JSON")),
                // A comment keeps the connection alive; an empty line ends a notice.
                _ => {
                    if let Some(data) = data.take() {
                        assert_eq!(event, name);
                        return Some(data);
                    }
                }
            }
        }
    }
}
