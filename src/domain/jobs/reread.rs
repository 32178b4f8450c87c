//! Validates a job that reads kept pages again. It makes no request, so that it has no target and no host.

use super::validation::{FieldErrors, field_step};
use crate::protocol::job::NewJob;
use crate::protocol::spider::{Runner, Spider};

/// Adds the bad fields that are known without the spider.
pub(super) fn check(faults: &mut FieldErrors, new: &NewJob) {
    let Some(reread) = &new.reread else {
        let words = "must be `auto` or a spider of this tenant";
        faults.require(!new.spider_name.is_empty(), "spider_name", "required", words);
        return;
    };
    let is_same = new.spider_name.is_empty() || new.spider_name == reread.spider;
    faults.require(is_same, "spider_name", "const", "must be that of `reread`, or absent");
    let words = "must be absent: a job that reads kept pages again makes no request";
    let is_absent = |list: &Option<Vec<String>>| list.as_ref().is_none_or(Vec::is_empty);
    faults.require(is_absent(&new.target_urls), "target_urls", "forbidden", words);
    faults.require(is_absent(&new.allowed_hosts), "allowed_hosts", "forbidden", words);
}

/// Adds what is wrong with the spider whose pages are to be read.
pub(super) fn check_spider(faults: &mut FieldErrors, spider: Option<&Spider>) {
    let pointer = [field_step("reread"), field_step("spider")];
    match spider.map(|spider| spider.runner) {
        Some(Runner::Builtin) => {}
        Some(Runner::External) => {
            let words = "must be a spider of the built-in crawler: pages of other workers are not kept";
            faults.add(&pointer, "runner", words);
        }
        None => faults.add(&pointer, "unknown", "must be `auto` or a spider of this tenant"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::job::Reread;

    fn pointers(new: &NewJob) -> Vec<String> {
        let mut faults = FieldErrors::default();
        check(&mut faults, new);
        faults.into_errors().into_iter().map(|error| error.pointer).collect()
    }

    fn again() -> NewJob {
        let reread = Some(Reread { spider: "portal".to_owned(), since: None });
        NewJob { reread, ..NewJob::default() }
    }

    #[test]
    fn a_spider_is_named_once_or_twice_alike() {
        assert_eq!(pointers(&NewJob::default()), ["/spider_name"]);
        assert_eq!(pointers(&again()), [] as [&str; 0]);
        assert_eq!(pointers(&NewJob { spider_name: "portal".to_owned(), ..again() }), [] as [&str; 0]);
        assert_eq!(pointers(&NewJob { spider_name: "auto".to_owned(), ..again() }), ["/spider_name"]);
    }

    #[test]
    fn what_is_for_requests_is_refused() {
        let urls = Some(vec!["https://a.example/".to_owned()]);
        let hosts = Some(vec!["a.example".to_owned()]);

        let new = NewJob { target_urls: urls, allowed_hosts: hosts, ..again() };

        assert_eq!(pointers(&new), ["/target_urls", "/allowed_hosts"]);
    }

    #[test]
    fn only_a_spider_of_the_built_in_crawler_has_kept_pages() {
        let words = |runner: Option<Runner>| {
            let spider = runner.map(|runner| Spider { runner, ..Spider::default() });
            let mut faults = FieldErrors::default();
            check_spider(&mut faults, spider.as_ref());
            faults.into_errors().into_iter().map(|error| error.pointer).collect::<Vec<_>>()
        };

        assert_eq!(words(Some(Runner::Builtin)), [] as [&str; 0]);
        assert_eq!(words(Some(Runner::External)), ["/reread/spider"]);
        assert_eq!(words(None), ["/reread/spider"]);
    }
}
