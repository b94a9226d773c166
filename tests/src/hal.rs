//! A HAL client: it follows links, expands no template and builds no address.

use serde_json::Value;

use crate::server::Server;

/// The resource at an address.
pub fn get(server: &Server, href: &str) -> Value {
    let answer = server.get(href);
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/hal+json"), "{href}: {answer:?}");
    answer.json()
}

/// Where a relation leads.
pub fn link<'a>(resource: &'a Value, relation: &str) -> Option<&'a str> {
    let link = resource.get("_links")?.get(relation)?;
    assert_eq!(link.get("templated"), None, "{relation} is an address");
    Some(link["href"].as_str().expect("a link has an address"))
}

/// The address of a resource itself.
pub fn own(resource: &Value) -> &str {
    link(resource, "self").unwrap_or_else(|| panic!("no self in {resource}"))
}

/// The resource that a relation leads to.
pub fn follow(server: &Server, resource: &Value, relation: &str) -> Value {
    let href = link(resource, relation).unwrap_or_else(|| panic!("no {relation} in {resource}"));
    get(server, href)
}

/// All items of the collection that a relation leads to, page by page.
pub fn items(server: &Server, resource: &Value, relation: &str) -> Vec<Value> {
    let mut page = follow(server, resource, relation);
    let mut items = Vec::new();
    loop {
        items.extend(page["_embedded"][relation].as_array().expect("a page embeds its items").iter().cloned());
        match link(&page, "next") {
            Some(_) => page = follow(server, &page, "next"),
            None => return items,
        }
    }
}
