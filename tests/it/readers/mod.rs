//! Page readers as processes: their sandbox, hostile pages, and that they end with their server.

mod hostile;
mod node;
mod pages;
mod retry;
mod sandbox;
mod shapes;
mod shutdown;
mod site;
