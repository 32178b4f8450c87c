//! The one table of refusals: HTTP problems, WebSocket close codes and SSE `problem` events.
