//! README's generated part is what the program prints.

#[test]
fn the_configuration_table_of_the_readme_is_the_programs() {
    let readme = include_str!("../../README.md");

    let table = lotline::config::markdown_table();

    assert!(readme.contains(&table), "README's table is old: paste what `lotline config table` prints");
}
