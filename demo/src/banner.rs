//! The demo's message at its start: addresses, sign-in data, and commands to paste into another terminal.

use std::fmt::Write;

use super::environment::{DemoTenant, Environment};
use super::users::DemoUser;
use super::virtual_date::{DATA_END, START};

/// The whole text.
pub(crate) fn banner(env: &Environment) -> String {
    let url = format!("http://{}", env.server.address);
    let mut text = format!(
        "Lotline demo: two tenants crawl two sites of real homes on this machine, from {START} to {DATA_END}.\n\n\
         Swagger      {url}/docs\n\
         socket page  {url}/\n\
         events       {url}/docs/async\n"
    );
    if let Some(port) = env.server.busy_port {
        let _ = writeln!(text, "(port {port} is in use, so a free one was taken)");
    }
    for tenant in env.tenants() {
        text.push_str(&tenant_section(tenant));
    }
    let member = &env.lucas.users.member;
    let _ = write!(
        text,
        "\nFollow the events of lucas in another terminal:\n\n  {0} --url {url} --token {1}\n\nor sign in by name: \
         {0} --url {url} --username lucas/member\n\nCtrl-C ends the demo.\n",
        follow_command(std::env::var_os("CARGO").is_some()),
        member.token,
    );
    text
}

/// The sign-in data again, because the first output has scrolled away.
pub(crate) fn credentials(env: &Environment) -> String {
    let mut text = "Sign-in data of this demo:\n".to_owned();
    for tenant in env.tenants() {
        for person in tenant.users.all() {
            let _ = writeln!(text, "{}", credential_line(tenant, person));
        }
    }
    text
}

fn credential_line(tenant: &DemoTenant, person: &DemoUser) -> String {
    let (name, password) = (person.name, &person.password);
    format!("  sign in as {}/{name:<6}  password {password}", tenant.slug)
}

fn tenant_section(tenant: &DemoTenant) -> String {
    let mut text = format!("\nTenant {} crawls {} ({})\n", tenant.slug, tenant.site.url(), tenant.name);
    for person in tenant.users.all() {
        let _ = writeln!(text, "{}", credential_line(tenant, person));
    }
    for person in tenant.users.all() {
        let _ = writeln!(text, "  token of {}: {}", person.name, person.token);
    }
    let _ = writeln!(text, "  API key for a worker: {}", tenant.users.key);
    text
}

/// The command that works where the demo was started: `cargo run` sets a variable for its child.
fn follow_command(under_cargo: bool) -> String {
    if under_cargo {
        return "cargo run -- follow".to_owned();
    }
    let program = std::env::current_exe().ok();
    let program = program.as_deref().and_then(std::path::Path::to_str).unwrap_or("lotline");
    format!("{program} follow")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_that_works_where_the_demo_was_started() {
        assert_eq!(follow_command(true), "cargo run -- follow");
        assert!(follow_command(false).ends_with(" follow"));
    }
}
