//! Page readers as processes: what holds them, what hostile pages do to them, and that they end with their server.

mod hostile;
mod node;
mod pages;
mod retry;
mod sandbox;
mod shapes;
mod shutdown;
mod site;
