//! What people try who should not get in. Each test is a row of the table in `docs/security.md`.

mod callbacks;
mod hosts;
mod identities;
mod links;
mod sessions;

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
